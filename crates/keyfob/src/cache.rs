//! What a node remembers of the store, and how it knows that it may.
//!
//! Three rules keep it right, and each has a file of its own:
//! - the *lease*: nothing is honoured that was not known to be right within the staleness bound;
//! - the *fence*: an answer that was read before a change to its key is neither given nor kept;
//! - commit first, invalidate second: what the store has not taken is never acted upon.

mod cached_key;
mod eviction_clock;
mod fence;
mod lease;
mod unknown_keys;
mod verified_keys;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyfob_core::KeyHash;
use keyfob_store::{Change, Changed, FeedPosition};

pub(crate) use cached_key::CachedKey;
use fence::Fence;
pub(crate) use fence::Verdict;
pub(crate) use lease::CLOCK_LAG;
use lease::Lease;
use unknown_keys::UnknownKeys;
use verified_keys::VerifiedKeys;

use crate::clock::Moment;

pub(crate) struct Cache<S> {
    lease: Lease,
    verified: VerifiedKeys<S>,
    unknown: UnknownKeys,
    /// Held by whoever writes to the two maps, so that a fill and an invalidation never cross.
    /// Readers take no lock.
    fence: Mutex<Fence>,
}

impl<S> Cache<S> {
    pub(crate) fn new(staleness_bound: Duration, capacity: usize) -> Self {
        Self {
            lease: Lease::new(staleness_bound),
            verified: VerifiedKeys::new(capacity),
            unknown: UnknownKeys::new(),
            fence: Mutex::new(Fence::new()),
        }
    }

    /// What is remembered of the hash, if the lease allows to rely on it: no store is needed then.
    /// One of the two functions makes the answer: of the key that the hash belongs to, or of its
    /// belonging to none.
    pub(crate) fn get<T>(
        &self,
        hash: &KeyHash,
        now: Moment,
        known: impl FnOnce(&CachedKey<S>) -> T,
        unknown: impl FnOnce() -> T,
    ) -> Option<T> {
        if !self.lease.holds(now) {
            return None;
        }
        if let Some(answer) = self.verified.get(hash, known) {
            return Some(answer);
        }
        self.unknown.contains(hash).then(unknown)
    }

    /// Keeps what a lookup found, unless something newer is known already.
    pub(crate) fn fill(
        &self,
        hash: KeyHash,
        position: FeedPosition,
        generation: u64,
        found: Option<&CachedKey<S>>,
    ) -> Verdict {
        let organization = found.map(CachedKey::organization);
        let fence = self.fence();
        let verdict = fence.judge(hash, organization, position, generation);
        if verdict == Verdict::Keep {
            match found {
                Some(key) => self.verified.insert(hash, key.clone()),
                None => self.unknown.insert(hash),
            }
        }
        verdict
    }

    /// Forgets what the changes of the feed overtake, unless something newer is kept already.
    pub(crate) fn apply(&self, changes: &[Change]) {
        let mut fence = self.fence();
        for change in changes {
            self.forget(&mut fence, change, |news| news);
        }
    }

    /// Forgets what a change overtakes that this process made. When it returns, this process accepts
    /// none of it.
    ///
    /// It doesn't ask whether something newer is kept. After a failover that lost commits, the change
    /// may have an earlier position than one of the old history, until the follower learns of that.
    pub(crate) fn apply_own(&self, change: &Change) {
        self.forget(&mut self.fence(), change, |_| true);
    }

    fn forget(&self, fence: &mut Fence, change: &Change, whether: impl Fn(bool) -> bool) {
        match &change.changed {
            Changed::Key { hashes, .. } => {
                for hash in hashes {
                    if whether(fence.raise(*hash, change.position)) {
                        self.verified.remove(hash);
                        self.unknown.remove(hash);
                    }
                }
            }
            Changed::Organization(organization) => {
                if whether(fence.raise_all_of(organization, change.position)) {
                    self.verified.remove_all_of(organization);
                }
            }
        }
    }

    /// Starts over: forgets everything, and follows the feed from this position on.
    pub(crate) fn restart(&self, position: FeedPosition) {
        let mut fence = self.fence();
        self.lease.revoke();
        fence.restart(position);
        self.verified.clear();
        self.unknown.clear();
    }

    /// Every change up to a read of the feed that began then is applied.
    pub(crate) fn renew(&self, read_began: Moment) {
        self.lease.renew(read_began);
    }

    /// Nothing is honoured until the next renewal.
    pub(crate) fn end_lease(&self) {
        self.lease.revoke();
    }

    pub(crate) fn generation(&self) -> u64 {
        self.fence().generation()
    }

    pub(crate) fn lease_holds(&self, now: Moment) -> bool {
        self.lease.holds(now)
    }

    fn fence(&self) -> MutexGuard<'_, Fence> {
        // Nothing under this lock panics half-way through a change of the maps.
        self.fence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::Environment;
    use keyfob_store::{KeyId, OrganizationId, Timestamp};

    use super::*;

    keyfob_core::scopes! { enum Scope { Read => "org:read" } }

    const NOW: Moment =
        Moment { monotonic: Duration::from_secs(100), wall: Timestamp::from_micros(0) };

    fn later(by: Duration) -> Moment {
        Moment { monotonic: NOW.monotonic + by, wall: NOW.wall.saturating_add(by) }
    }

    fn cache() -> Cache<Scope> {
        let cache = Cache::new(Duration::from_secs(5), 16);
        cache.restart(FeedPosition::new(10));
        cache.renew(NOW);
        cache
    }

    fn hash(byte: u8) -> KeyHash {
        KeyHash::from_bytes([byte; 32])
    }

    fn key() -> CachedKey<Scope> {
        CachedKey::for_test(
            KeyId::from_bytes([1; 16]),
            OrganizationId::new("o").unwrap(),
            Environment::Live,
        )
    }

    fn change(position: u64, byte: u8) -> Change {
        Change {
            position: FeedPosition::new(position),
            changed: Changed::Key { key: KeyId::from_bytes([1; 16]), hashes: vec![hash(byte)] },
        }
    }

    fn fill(cache: &Cache<Scope>, byte: u8, position: u64) -> Verdict {
        cache.fill(hash(byte), FeedPosition::new(position), cache.generation(), Some(&key()))
    }

    fn remembers(cache: &Cache<Scope>, byte: u8, now: Moment) -> bool {
        cache.get(&hash(byte), now, |_| (), || ()).is_some()
    }

    #[test]
    fn nothing_is_honoured_once_the_lease_has_run_out() {
        let cache = cache();
        assert_eq!(fill(&cache, 1, 10), Verdict::Keep);
        assert!(remembers(&cache, 1, later(Duration::from_millis(4_900))));
        assert!(!remembers(&cache, 1, later(Duration::from_secs(5))));
        cache.renew(later(Duration::from_secs(60)));
        assert!(remembers(&cache, 1, later(Duration::from_secs(61))));
    }

    #[test]
    fn lookup_that_a_change_overtook_is_not_kept() {
        let cache = cache();
        cache.apply(&[change(12, 1)]);
        assert_eq!(fill(&cache, 1, 11), Verdict::Overtaken);
        assert!(!remembers(&cache, 1, NOW));
        assert_eq!(fill(&cache, 2, 11), Verdict::Keep, "another key's change is no reason");
        assert_eq!(fill(&cache, 1, 12), Verdict::Keep);
    }

    #[test]
    fn change_forgets_keys_and_unknown_hashes() {
        let cache = cache();
        fill(&cache, 1, 10);
        cache.fill(hash(2), FeedPosition::new(10), cache.generation(), None);
        assert!(remembers(&cache, 1, NOW) && remembers(&cache, 2, NOW));
        cache.apply(&[change(11, 1), change(12, 2)]);
        assert!(!remembers(&cache, 1, NOW) && !remembers(&cache, 2, NOW));
    }

    #[test]
    fn own_change_is_forgotten_even_where_the_old_history_reached_further() {
        let cache = cache();
        cache.apply(&[change(50, 1)]);
        assert_eq!(fill(&cache, 1, 50), Verdict::Keep);
        cache.apply(&[change(11, 1)]);
        assert!(remembers(&cache, 1, NOW), "the feed repeats itself");
        cache.apply_own(&change(11, 1));
        assert!(!remembers(&cache, 1, NOW));
    }

    #[test]
    fn deleted_organization_is_forgotten_and_fenced() {
        let cache = cache();
        fill(&cache, 1, 10);
        let organization = OrganizationId::new("o").unwrap();
        let changed = Changed::Organization(organization);
        cache.apply(&[Change { position: FeedPosition::new(12), changed }]);
        assert!(!remembers(&cache, 1, NOW));
        assert_eq!(fill(&cache, 2, 11), Verdict::Overtaken);
        assert_eq!(fill(&cache, 2, 12), Verdict::Keep);
    }

    #[test]
    fn restart_forgets_all_and_fences_lookups_from_before() {
        let cache = cache();
        fill(&cache, 1, 10);
        let before = cache.generation();
        cache.restart(FeedPosition::new(3));
        cache.renew(NOW);
        assert!(!remembers(&cache, 1, NOW));
        let late = cache.fill(hash(2), FeedPosition::new(11), before, Some(&key()));
        assert_eq!(late, Verdict::Overtaken);
    }

    #[test]
    fn nothing_is_kept_before_the_feed_is_followed() {
        let cache = Cache::<Scope>::new(Duration::from_secs(5), 16);
        let verdict = cache.fill(hash(1), FeedPosition::new(1), cache.generation(), Some(&key()));
        assert_eq!(verdict, Verdict::AnswerOnly);
    }
}
