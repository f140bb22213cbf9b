//! What makes the service Takumo: its key format, its scopes and its plans.

use std::fmt;
use std::str::FromStr;

use keyfob::{KeyFormat, KeyLimit};

/// `tk_live_…` and `tk_test_…`.
pub const FORMAT: KeyFormat = KeyFormat::new("tk");

/// The longest that a key may live, in seconds: 100 years. It keeps every date well within what
/// RFC 3339 can say.
pub const MAX_LIFE: u64 = 100 * 365 * 24 * 60 * 60;

keyfob::scopes! {
    /// What a key may do.
    pub enum Scope {
        /// Read scan results and detection history.
        ShieldRead => "shield:read",
        /// Run scans.
        ShieldWrite => "shield:write",
        /// Read audit log entries.
        AuditRead => "audit:read",
        /// View the status of the gateway fleet.
        FleetRead => "fleet:read",
        /// Register gateways.
        FleetWrite => "fleet:write",
        /// Read policies.
        PolicyRead => "policy:read",
        /// Create and update policies.
        PolicyWrite => "policy:write",
        /// Read the organization's settings and its keys.
        OrgRead => "org:read",
        /// Change the organization's settings and manage its keys.
        OrgWrite => "org:write",
    }
}

impl Scope {
    /// What it lets a key do, for the person who chooses.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::ShieldRead => "Read scan results and detection history",
            Self::ShieldWrite => "Run scans",
            Self::AuditRead => "Read audit log entries",
            Self::FleetRead => "View the status of the gateway fleet",
            Self::FleetWrite => "Register gateways",
            Self::PolicyRead => "Read policies",
            Self::PolicyWrite => "Create and update policies",
            Self::OrgRead => "Read settings and keys",
            Self::OrgWrite => "Change settings and manage keys",
        }
    }
}

/// What an organization pays for. The only difference here is how many keys it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// 3 keys.
    Free,
    /// 10 keys.
    Developer,
    /// 20 keys.
    Pro,
    /// As many keys as it likes.
    Enterprise,
}

impl Plan {
    /// Every plan, the smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Developer, Self::Pro, Self::Enterprise];

    /// How many keys the plan allows at once.
    #[must_use]
    pub const fn key_limit(self) -> KeyLimit {
        match self {
            Self::Free => KeyLimit::AtMost(3),
            Self::Developer => KeyLimit::AtMost(10),
            Self::Pro => KeyLimit::AtMost(20),
            Self::Enterprise => KeyLimit::Unlimited,
        }
    }

    /// The word for it in JSON, in the database and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Developer => "developer",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == name).ok_or(UnknownPlan)
    }
}

/// There is no such plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plan is `free`, `developer`, `pro` or `enterprise`")]
pub struct UnknownPlan;

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob::{Environment, Scope as _};

    #[test]
    fn keys_are_branded_tk() {
        assert_eq!(FORMAT.prefix(Environment::Live), "tk_live_");
        assert_eq!(FORMAT.prefix(Environment::Test), "tk_test_");
    }

    #[test]
    fn there_are_nine_scopes() {
        assert_eq!(Scope::ALL.len(), 9);
    }

    #[test]
    fn plans_are_those_of_the_price_list() {
        let limits = Plan::ALL.map(|plan| plan.key_limit().to_string());
        assert_eq!(limits, ["3", "10", "20", "unlimited"]);
        for plan in Plan::ALL {
            assert_eq!(plan.as_str().parse(), Ok(plan));
        }
        assert_eq!("gratis".parse::<Plan>(), Err(UnknownPlan));
    }
}
