use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use keyfob_core::KeyHash;
use keyfob_store::OrganizationId;
use papaya::{Equivalent, Guard};

use super::cached_key::CachedKey;
use super::eviction_clock::{EvictionClock, Hand};

/// The keys that were looked up, whatever the answer was, but for unknown ones.
///
/// Reads take no lock, and write nothing but, now and then, one flag. The table is bounded: the
/// [`EvictionClock`] says which key goes when another comes.
///
/// The hash table is keyed by random numbers of its own: a caller who knows how a hash is folded
/// could otherwise choose keys, through an import say, that all fall into one bucket.
pub(crate) struct VerifiedKeys<S> {
    keys: papaya::HashMap<KeyHash, CachedKey<S>, RandomState>,
    clock: Mutex<EvictionClock>,
}

impl<S> VerifiedKeys<S> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            keys: papaya::HashMap::with_hasher(RandomState::default()),
            clock: Mutex::new(EvictionClock::new(capacity)),
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
        if self.keys.insert(hash, key, &guard).is_some() {
            return;
        }
        let mut clock = lock(&self.clock);
        if clock.grow() {
            // The table grows too, and what it has outgrown waits for more to be forgotten.
            guard.flush();
        }
        let evict = clock.admit(&hash, |prefix| match self.keys.get(&Prefix(prefix), &guard) {
            Some(key) if key.was_read_lately() => Hand::Spared,
            Some(_) => Hand::Idle,
            None => Hand::Vacant,
        });
        drop(clock);
        // A forgotten key that came back may stand on the clock twice: it does not evict itself.
        if let Some(prefix) = evict.filter(|prefix| *prefix != hash.prefix()) {
            self.keys.remove(&Prefix(prefix), &guard);
        }
    }

    pub(crate) fn remove(&self, hash: &KeyHash) {
        self.keys.pin().remove(hash);
    }

    /// Looks at every key, which is for what is rare.
    pub(crate) fn remove_all_of(&self, organization: &OrganizationId) {
        self.keys.pin().retain(|_, key| key.organization() != organization);
    }

    pub(crate) fn clear(&self) {
        self.keys.pin().clear();
        lock(&self.clock).clear();
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.keys.len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Finds a key by what the clock knows of it.
struct Prefix(u64);

impl Hash for Prefix {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Equivalent<KeyHash> for Prefix {
    fn equivalent(&self, hash: &KeyHash) -> bool {
        self.0 == hash.prefix()
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::Environment;
    use keyfob_store::KeyId;

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
