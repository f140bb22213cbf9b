use std::sync::atomic::{AtomicBool, Ordering};

use keyfob_core::{Environment, Scope, ScopeSet};
use keyfob_store::{FoundKey, FoundState, KeyId, OrganizationId, Timestamp};

use crate::{Principal, Refusal};

/// All that a verification needs. With its hash it takes 120 bytes, and that is what the bound on
/// memory is made of: two fields are one where they can be.
pub(crate) struct CachedKey<S> {
    id: KeyId,
    organization: OrganizationId,
    scopes: ScopeSet<S>,
    /// The earlier of the key's expiry and its secret's retirement, if there is either.
    until: Timestamp,
    secret: u32,
    state: CachedState,
    environment: Environment,
    read_lately: AtomicBool,
}

/// What refuses a key, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CachedState {
    /// Good, and nothing will end it by itself.
    Endless,
    /// Good until the key expires.
    UntilExpiry,
    /// Good until a newer secret has taken this one's place.
    UntilRetirement,
    Disabled,
    Revoked,
    OrganizationDeleted,
}

impl<S: Scope> CachedKey<S> {
    pub(crate) fn of(found: FoundKey) -> Self {
        let ends = [found.expires_at, found.retires_at];
        let state = match found.state {
            FoundState::Revoked => CachedState::Revoked,
            FoundState::Disabled => CachedState::Disabled,
            FoundState::OrganizationDeleted => CachedState::OrganizationDeleted,
            FoundState::Active => match (found.expires_at, found.retires_at) {
                (None, None) => CachedState::Endless,
                (None, Some(_)) => CachedState::UntilRetirement,
                (Some(expiry), Some(retirement)) if retirement < expiry => {
                    CachedState::UntilRetirement
                }
                (Some(_), _) => CachedState::UntilExpiry,
            },
        };
        Self {
            id: found.id,
            scopes: found.scopes.to_set(),
            organization: found.organization,
            until: ends.into_iter().flatten().min().unwrap_or(Timestamp::MAX),
            secret: found.secret,
            state,
            environment: found.environment,
            read_lately: AtomicBool::new(false),
        }
    }
}

impl<S> CachedKey<S> {
    /// Whether the key is good. The time is asked for only where it matters.
    pub(crate) fn judge(&self, now: impl Fn() -> Timestamp) -> Result<Principal<S>, Refusal> {
        match self.state {
            CachedState::Revoked => return Err(Refusal::Revoked),
            CachedState::Disabled => return Err(Refusal::Disabled),
            CachedState::OrganizationDeleted => return Err(Refusal::OrganizationDeleted),
            CachedState::UntilRetirement if self.until <= now() => return Err(Refusal::Retired),
            CachedState::UntilExpiry if self.until <= now() => return Err(Refusal::Expired),
            CachedState::Endless | CachedState::UntilRetirement | CachedState::UntilExpiry => {}
        }
        Ok(Principal {
            key: self.id,
            organization: self.organization.clone(),
            environment: self.environment,
            scopes: self.scopes,
        })
    }

    pub(crate) const fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// Which credential it is, for its usage.
    pub(crate) const fn credential(&self) -> (KeyId, u32) {
        (self.id, self.secret)
    }

    /// Written only when it changes, so that a busy key's memory stays shared between cores.
    pub(super) fn mark_read(&self) {
        if !self.read_lately.load(Ordering::Relaxed) {
            self.read_lately.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was read since this was last asked.
    pub(super) fn was_read_lately(&self) -> bool {
        self.read_lately.swap(false, Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn for_test(
        id: KeyId,
        organization: OrganizationId,
        environment: Environment,
    ) -> Self {
        Self {
            id,
            organization,
            scopes: ScopeSet::EMPTY,
            until: Timestamp::MAX,
            secret: 1,
            state: CachedState::Endless,
            environment,
            read_lately: AtomicBool::new(false),
        }
    }
}

impl<S> Clone for CachedKey<S> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            organization: self.organization.clone(),
            scopes: self.scopes,
            until: self.until,
            secret: self.secret,
            state: self.state,
            environment: self.environment,
            read_lately: AtomicBool::new(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::KeyHash;

    use super::*;

    keyfob_core::scopes! { enum Scope { Read => "org:read" } }

    #[test]
    fn entry_with_its_hash_takes_120_bytes() {
        assert_eq!(size_of::<KeyHash>() + size_of::<CachedKey<Scope>>(), 120);
    }
}
