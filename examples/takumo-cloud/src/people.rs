//! The people of an organization: how they are called, and what they may do.

use std::fmt;
use std::str::FromStr;

use keyfob::{Actor, KeyRecord, ScopeSet};

use crate::takumo::Scope;

/// What a person signs in with: 1 to 64 of `[a-z0-9._@+-]`, starting with a letter or a digit. An
/// address of mail is one. It is never given to another person, since the log and the keys name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Login(Box<str>);

impl Login {
    const MOST: usize = 64;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Who the audit log will name.
    pub(crate) fn actor(&self) -> Actor {
        Actor::new(&format!("user:{}", self.0))
            .expect("`user:` and at most 64 visible characters are an actor")
    }
}

impl FromStr for Login {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._@+-".contains(&byte)
        };
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if starts_well && text.len() <= Self::MOST && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidLogin)
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a login is 1 to 64 of [a-z0-9._@+-], and starts with a letter or a digit")]
pub(crate) struct InvalidLogin;

/// What a person may do in an organization; each may do what the one before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Sees everything, changes nothing.
    Viewer,
    /// Makes keys, and manages those that they made.
    Member,
    /// Manages every key, and the organization's name and plan.
    Admin,
    /// Manages its people too. There is always one.
    Owner,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// What it is for, in a line.
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::Viewer => "Sees everything, changes nothing",
            Self::Member => "Makes keys, and manages their own",
            Self::Admin => "Manages every key, and the organization",
            Self::Owner => "Manages the members too",
        }
    }

    /// The scopes that a key may be given by a person of this role.
    ///
    /// A key with `org:write` manages every key over HTTP, so a member, who may not, must not be
    /// able to make one.
    pub(crate) fn grants(self) -> ScopeSet<Scope> {
        match self {
            Self::Viewer => ScopeSet::EMPTY,
            Self::Member => ScopeSet::all() - Scope::OrgWrite.into(),
            Self::Admin | Self::Owner => ScopeSet::all(),
        }
    }

    pub(crate) fn makes_keys(self) -> bool {
        self >= Self::Member
    }

    pub(crate) fn edits_organization(self) -> bool {
        self >= Self::Admin
    }

    pub(crate) fn manages_members(self) -> bool {
        self >= Self::Owner
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or(UnknownRole)
    }
}

/// There is no such role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is `viewer`, `member`, `admin` or `owner`")]
pub(crate) struct UnknownRole;

/// Whether this person, in this role, may change this key.
pub(crate) fn manages(login: &Login, role: Role, key: &KeyRecord) -> bool {
    match role {
        Role::Viewer => false,
        Role::Member => key.created_by == login.actor(),
        Role::Admin | Role::Owner => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_is_a_name_or_an_address_in_lower_case() {
        for good in ["a", "owner", "alice+ci@example.com", &"a".repeat(64)] {
            assert!(good.parse::<Login>().is_ok(), "{good}");
        }
        for bad in ["", "Alice", ".a", "a b", "a\n", "é", "a/b", &"a".repeat(65)] {
            assert_eq!(bad.parse::<Login>(), Err(InvalidLogin), "{bad}");
        }
    }

    #[test]
    fn member_can_not_make_a_key_that_manages_keys() {
        assert!(!Role::Member.grants().contains(Scope::OrgWrite));
        assert!(Role::Member.grants().contains(Scope::ShieldWrite));
        assert!(Role::Viewer.grants().is_empty());
        assert_eq!(Role::Admin.grants(), ScopeSet::all());
    }
}
