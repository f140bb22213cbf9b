use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use keyfob_core::{Environment, KeyHash, Scope, ScopeSet};
use keyfob_store::{FoundKey, FoundState, KeyId, OrganizationId, Timestamp};
use papaya::{Equivalent, Guard};

use super::use_count::{Counted, UseCount};
use crate::{Principal, Refusal};

/// The keys that were looked up, whatever the answer was, but for unknown ones.
///
/// Reads take no lock and write nothing but, now and then, one flag. The table is bounded by CLOCK
/// (Corbató 1968): a hand goes round, spares what was read since it last came by, and evicts the
/// first that was not.
///
/// The hash table is keyed by random numbers of its own: a caller who knows how a hash is folded
/// could otherwise choose keys, through an import say, that all fall into one bucket.
pub(crate) struct VerifiedKeys<S> {
    keys: papaya::HashMap<KeyHash, CachedKey<S>, RandomState>,
    clock: Mutex<EvictionClock>,
    /// What was counted on entries that are forgotten.
    orphaned: Mutex<Vec<Uses>>,
}

/// How often a credential was accepted.
pub(crate) struct Uses {
    /// The first 64 bits of its hash.
    pub(crate) prefix: u64,
    pub(crate) organization: OrganizationId,
    pub(crate) key: KeyId,
    pub(crate) secret: u32,
    pub(crate) count: u32,
}

/// All that a verification needs. With its hash it takes 128 bytes, and that is what the bound on
/// memory is made of: two fields are one where they can be.
pub(crate) struct CachedKey<S> {
    id: KeyId,
    organization: OrganizationId,
    scopes: ScopeSet<S>,
    /// The earlier of the key's expiry and its secret's retirement.
    until: Timestamp,
    secret: u32,
    state: CachedState,
    environment: Environment,
    read_lately: AtomicBool,
    uses: UseCount,
}

/// What refuses a key, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CachedState {
    /// Good until the key expires.
    UntilExpiry,
    /// Good until a newer secret has taken this one's place.
    UntilRetirement,
    Disabled,
    Revoked,
    OrganizationDeleted,
}

struct EvictionClock {
    /// By the first 64 bits of their hashes, the keys that the hand passes.
    passed: Vec<u64>,
    hand: usize,
    capacity: usize,
}

/// The clock starts with this many places, and never adds fewer but at its end.
const FEWEST_PLACES: usize = 64;

/// So many keys are spared at most, so that no one insertion pays for a table of busy keys.
const MOST_SPARED: usize = 64;

impl<S> VerifiedKeys<S> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            keys: papaya::HashMap::with_hasher(RandomState::default()),
            clock: Mutex::new(EvictionClock { passed: Vec::new(), hand: 0, capacity }),
            orphaned: Mutex::default(),
        }
    }

    pub(crate) fn get<T>(
        &self,
        hash: &KeyHash,
        read: impl FnOnce(&CachedKey<S>) -> T,
    ) -> Option<T> {
        let keys = self.keys.pin();
        let key = keys.get(hash)?;
        key.mark_read();
        Some(read(key))
    }

    pub(crate) fn insert(&self, hash: KeyHash, key: CachedKey<S>) {
        let guard = self.keys.guard();
        if let Some(replaced) = self.keys.insert(hash, key, &guard) {
            self.close(hash.prefix(), replaced);
            return;
        }
        let mut clock = lock(&self.clock);
        if clock.grow() {
            // The table grows too, and what it has outgrown waits for more to be forgotten.
            guard.flush();
        }
        let evict = clock.admit(&hash, |prefix| match self.keys.get(&Prefix(prefix), &guard) {
            Some(key) => key.forget_read(),
            None => Hand::Vacant,
        });
        drop(clock);
        // A forgotten key that came back may stand on the clock twice: it does not evict itself.
        if let Some(prefix) = evict.filter(|prefix| *prefix != hash.prefix())
            && let Some(evicted) = self.keys.remove(&Prefix(prefix), &guard)
        {
            self.close(prefix, evicted);
        }
    }

    pub(crate) fn remove(&self, hash: &KeyHash) {
        if let Some(removed) = self.keys.pin().remove(hash) {
            self.close(hash.prefix(), removed);
        }
    }

    /// Looks at every key, which is for what is rare.
    pub(crate) fn remove_all_of(&self, organization: &OrganizationId) {
        self.remove_if(|key| key.organization == *organization);
    }

    pub(crate) fn clear(&self) {
        self.remove_if(|_| true);
        let mut clock = lock(&self.clock);
        clock.passed.clear();
        clock.hand = 0;
    }

    /// Takes the number of uses of the keys whose hashes start so.
    pub(crate) fn take_uses(&self, prefix: u64) -> Option<Uses> {
        let keys = self.keys.pin();
        let key = keys.get(&Prefix(prefix))?;
        Some(key.uses(prefix, key.uses.take()))
    }

    /// Takes what was counted on entries that are forgotten.
    pub(crate) fn take_orphaned(&self) -> Vec<Uses> {
        std::mem::take(&mut lock(&self.orphaned))
    }

    fn remove_if(&self, condition: impl Fn(&CachedKey<S>) -> bool) {
        let keys = self.keys.pin();
        for (hash, _) in keys.iter().filter(|(_, key)| condition(key)) {
            if let Some(removed) = keys.remove(hash) {
                self.close(hash.prefix(), removed);
            }
        }
    }

    fn close(&self, prefix: u64, forgotten: &CachedKey<S>) {
        let count = forgotten.uses.close();
        if count > 0 {
            lock(&self.orphaned).push(forgotten.uses(prefix, count));
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.keys.len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the hand finds where it points.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hand {
    /// Read since it last came by.
    Spared,
    /// Not read since.
    Idle,
    /// Forgotten already.
    Vacant,
}

impl EvictionClock {
    /// Makes places when there is none left, and tells whether it did. A quarter more: to double
    /// them would leave up to half of them empty.
    fn grow(&mut self) -> bool {
        let places = self.passed.capacity();
        let full = self.passed.len() == places && places < self.capacity;
        if full {
            self.passed.reserve_exact((places / 4).max(FEWEST_PLACES).min(self.capacity - places));
        }
        full
    }

    /// Gives a newcomer a place, and names the key that loses it, if one does.
    fn admit(&mut self, hash: &KeyHash, look: impl Fn(u64) -> Hand) -> Option<u64> {
        if self.passed.len() < self.capacity {
            self.passed.push(hash.prefix());
            return None;
        }
        for _ in 0..MOST_SPARED {
            if look(self.passed[self.hand]) != Hand::Spared {
                break;
            }
            self.advance();
        }
        let loser = std::mem::replace(&mut self.passed[self.hand], hash.prefix());
        self.advance();
        Some(loser)
    }

    fn advance(&mut self) {
        self.hand = (self.hand + 1) % self.capacity;
    }
}

/// Finds a key by what the clock knows of it.
struct Prefix(u64);

impl Hash for Prefix {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Equivalent<KeyHash> for Prefix {
    fn equivalent(&self, hash: &KeyHash) -> bool {
        self.0 == hash.prefix()
    }
}

impl<S: Scope> CachedKey<S> {
    pub(crate) fn of(found: FoundKey) -> Self {
        let expiry = found.expires_at.unwrap_or(Timestamp::MAX);
        let retirement = found.retires_at.unwrap_or(Timestamp::MAX);
        let state = match found.state {
            FoundState::Revoked => CachedState::Revoked,
            FoundState::Disabled => CachedState::Disabled,
            FoundState::OrganizationDeleted => CachedState::OrganizationDeleted,
            FoundState::Active if retirement < expiry => CachedState::UntilRetirement,
            FoundState::Active => CachedState::UntilExpiry,
        };
        Self {
            id: found.id,
            scopes: found.scopes.to_set(),
            organization: found.organization,
            until: expiry.min(retirement),
            secret: found.secret,
            state,
            environment: found.environment,
            read_lately: AtomicBool::new(false),
            uses: UseCount::new(),
        }
    }
}

impl<S> CachedKey<S> {
    /// Whether the key is good. The time is asked for only where it matters.
    pub(crate) fn judge(&self, now: impl FnOnce() -> Timestamp) -> Result<Principal<S>, Refusal> {
        let over = match self.state {
            CachedState::Revoked => return Err(Refusal::Revoked),
            CachedState::Disabled => return Err(Refusal::Disabled),
            CachedState::OrganizationDeleted => return Err(Refusal::OrganizationDeleted),
            CachedState::UntilRetirement => Refusal::Retired,
            CachedState::UntilExpiry => Refusal::Expired,
        };
        if self.until != Timestamp::MAX && self.until <= now() {
            return Err(over);
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

    /// Counts that it was accepted, on the entry itself.
    pub(crate) fn count_use(&self) -> Counted {
        self.uses.count()
    }

    fn uses(&self, prefix: u64, count: u32) -> Uses {
        let Self { organization, id: key, secret, .. } = self;
        Uses { prefix, organization: organization.clone(), key: *key, secret: *secret, count }
    }

    /// Written only when it changes, so that a busy key's memory stays shared between cores.
    fn mark_read(&self) {
        if !self.read_lately.load(Ordering::Relaxed) {
            self.read_lately.store(true, Ordering::Relaxed);
        }
    }

    fn forget_read(&self) -> Hand {
        if self.read_lately.swap(false, Ordering::Relaxed) { Hand::Spared } else { Hand::Idle }
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
            state: CachedState::UntilExpiry,
            environment,
            read_lately: AtomicBool::new(false),
            uses: UseCount::new(),
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
            uses: UseCount::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    keyfob_core::scopes! { enum Scope { Read => "org:read" } }

    fn key() -> CachedKey<Scope> {
        CachedKey::for_test(
            KeyId::from_bytes([0; 16]),
            OrganizationId::new("o").unwrap(),
            Environment::Live,
        )
    }

    fn hash(number: u64) -> KeyHash {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        KeyHash::from_bytes(bytes)
    }

    #[test]
    fn table_never_grows_past_its_capacity() {
        let keys = VerifiedKeys::new(100);
        for number in 0..1_000 {
            keys.insert(hash(number), key());
            assert!(keys.len() <= 100);
        }
        assert_eq!(keys.len(), 100);
    }

    #[test]
    fn key_in_use_survives_a_flood_of_others() {
        let keys = VerifiedKeys::new(100);
        keys.insert(hash(0), key());
        for number in 1..10_000 {
            assert!(keys.get(&hash(0), |_| ()).is_some(), "evicted at {number}");
            keys.insert(hash(number), key());
        }
    }

    #[test]
    fn entry_with_its_hash_takes_128_bytes() {
        assert_eq!(size_of::<KeyHash>() + size_of::<CachedKey<Scope>>(), 128);
    }

    #[test]
    fn places_of_forgotten_keys_are_used_again() {
        let keys = VerifiedKeys::new(10);
        for number in 0..10 {
            keys.insert(hash(number), key());
        }
        for round in 1..100 {
            keys.remove(&hash(round - 1));
            keys.insert(hash(round + 9), key());
        }
        assert!(keys.len() >= 9, "{}", keys.len());
    }
}
