//! The one rule for every change that gives a key power, whether it creates, imports, rotates,
//! enables, edits or prolongs the key: the key may have no more than its grantor may grant.
//!
//! The power of a key is its environment, its scopes and its expiry. A person grants by their role. A
//! key grants by its own scopes and environment, and until its own expiry, so that nothing it makes
//! outgrows or outlives it. A scope that this release does not know counts as one that the grantor
//! lacks. A change that only narrows a key needs no right to grant. The operator, who has the
//! database itself, may grant everything.

use std::fmt;

use keyfob::{
    Environment, KeyEdit, KeyRecord, KeyStatus, Scope as _, ScopeNames, ScopeSet, StoreError,
    Timestamp,
};

use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::people::Role;
use crate::takumo::Scope;
use crate::time::rfc3339;

/// The most that a caller may give to a key.
#[derive(Clone, Debug)]
pub(crate) struct Grantor {
    kind: Kind,
    scopes: ScopeSet<Scope>,
    /// The end of what the caller grants, or `None` if there is none.
    until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Person(Role),
    Key(Environment),
}

/// What a key can do, where, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Power<'k> {
    pub(crate) environment: Environment,
    pub(crate) scopes: &'k ScopeNames,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Grantor {
    /// A person, by the role that was read in this request.
    pub(crate) fn person(role: Role) -> Self {
        Self { kind: Kind::Person(role), scopes: role.grants(), until: None }
    }

    /// A key, by its record as it is now: a client can send a body for minutes after the request was
    /// authenticated, and the key may have been revoked or narrowed meanwhile.
    pub(crate) async fn key(app: &App, caller: &Caller) -> Result<Self, ApiError> {
        let own = app.keys.get(&caller.principal.organization, caller.principal.key).await;
        match own {
            Ok(own) if own.status(app.keys.now()) == KeyStatus::Active => Ok(Self::of_key(&own)),
            Ok(_) | Err(StoreError::NotFound) => {
                Err(ApiError::new(Code::Unauthorized, "the API key is not accepted any more"))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn of_key(key: &KeyRecord) -> Self {
        Self {
            kind: Kind::Key(key.environment),
            scopes: key.scopes.to_set(),
            until: key.expires_at,
        }
    }

    /// The end of what the caller grants, or `None` if there is none.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Checks a key that is to be created or imported.
    pub(crate) fn check_new(&self, key: Power<'_>) -> Result<(), Excess> {
        self.check(Change::Grant, key)
    }

    /// Checks a key that is to get a new secret, which can do what the key can do.
    pub(crate) fn check_rotation(&self, key: &KeyRecord) -> Result<(), Excess> {
        self.check(Change::Rotate, Power::of(key))
    }

    /// Checks a key that is to work again.
    pub(crate) fn check_enabling(&self, key: &KeyRecord) -> Result<(), Excess> {
        self.check(Change::Enable, Power::of(key))
    }

    /// Checks an edit. If it names scopes, all of them must be the grantor's, those that the key
    /// already has included: another edit may remove them at the same time. If it prolongs the key,
    /// the grantor must be able to grant the key as it will be.
    pub(crate) fn check_edit(&self, key: &KeyRecord, edit: &KeyEdit) -> Result<(), Excess> {
        let before = Power::of(key);
        let scopes = edit.scopes.as_ref().unwrap_or(before.scopes);
        let expires_at = edit.expires_at.unwrap_or(before.expires_at);
        let after = Power { scopes, expires_at, ..before };
        self.check_environment(Change::Edit, after.environment)?;
        if edit.scopes.is_some() {
            self.check_scopes(Change::Grant, after.scopes)?;
        }
        if is_later(after.expires_at, before.expires_at) {
            self.check(Change::Prolong, after)?;
        }
        let widens = after.scopes.iter().any(|name| before.scopes.iter().all(|own| own != name));
        if widens { self.check(Change::Grant, after) } else { Ok(()) }
    }

    fn check(&self, change: Change, key: Power<'_>) -> Result<(), Excess> {
        self.check_environment(change, key.environment)?;
        self.check_scopes(change, key.scopes)?;
        match self.until {
            Some(until) if is_later(key.expires_at, Some(until)) => {
                Err(self.excess(change, Beyond::Expiry(until)))
            }
            _ => Ok(()),
        }
    }

    fn check_environment(&self, change: Change, environment: Environment) -> Result<(), Excess> {
        match (self.kind, environment) {
            (Kind::Key(Environment::Test), Environment::Live) => {
                Err(self.excess(change, Beyond::Environment))
            }
            _ => Ok(()),
        }
    }

    fn check_scopes(&self, change: Change, scopes: &ScopeNames) -> Result<(), Excess> {
        let unknown = scopes.iter().any(|name| Scope::from_name(name).is_err());
        let beyond = scopes.to_set::<Scope>() - self.scopes;
        if beyond.is_empty() && !unknown {
            return Ok(());
        }
        Err(self.excess(change, Beyond::Scopes { lacked: beyond, unknown }))
    }

    fn excess(&self, change: Change, beyond: Beyond) -> Excess {
        Excess { by: self.kind, change, beyond }
    }
}

impl<'k> Power<'k> {
    fn of(key: &'k KeyRecord) -> Self {
        Self { environment: key.environment, scopes: &key.scopes, expires_at: key.expires_at }
    }
}

/// A key that never expires is later than every other.
fn is_later(this: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    match (this, other) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(this), Some(other)) => this > other,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Grant,
    Rotate,
    Enable,
    Edit,
    Prolong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    Environment,
    Scopes { lacked: ScopeSet<Scope>, unknown: bool },
    Expiry(Timestamp),
}

/// The grantor may not give the key as much as the change would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Excess {
    by: Kind,
    change: Change,
    beyond: Beyond,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.by {
            Kind::Person(role @ (Role::Admin | Role::Owner)) => format!("an {role}"),
            Kind::Person(role) => format!("a {role}"),
            Kind::Key(_) => "your key".to_owned(),
        };
        match self.beyond {
            Beyond::Environment => write!(f, "a test key can make and change test keys only"),
            Beyond::Expiry(until) => {
                let until = rfc3339(until);
                write!(
                    f,
                    "{by} expires at {until}, and no key that it creates, rotates, enables or \
                     prolongs may live longer: give an expiry of at most that"
                )
            }
            Beyond::Scopes { lacked, unknown } => {
                let what = match (self.change, self.by) {
                    (Change::Grant | Change::Edit, Kind::Key(_)) => "grant what it lacks: ",
                    (Change::Grant | Change::Edit, Kind::Person(_)) => "grant ",
                    (Change::Rotate, _) => {
                        "rotate a key with scopes that are not theirs to grant: "
                    }
                    (Change::Enable, _) => {
                        "enable a key with scopes that are not theirs to grant: "
                    }
                    (Change::Prolong, _) => {
                        "prolong a key with scopes that are not theirs to grant: "
                    }
                };
                write!(f, "{by} can't {what}")?;
                match (lacked.is_empty(), unknown) {
                    (false, false) => write!(f, "{lacked}"),
                    (false, true) => {
                        write!(f, "{lacked}, and a scope that this release does not know")
                    }
                    (true, _) => write!(f, "a scope that this release does not know"),
                }
            }
        }
    }
}

impl From<Excess> for ApiError {
    fn from(excess: Excess) -> Self {
        Self::forbidden(excess.to_string())
    }
}

#[cfg(test)]
mod tests;
