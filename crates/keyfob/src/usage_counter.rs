use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use keyfob_store::{Hour, KeyId, OrganizationId, Outcome, Timestamp, UsageCount};

use crate::cache::CachedKey;

/// Counts verifications in memory, until they are written down.
///
/// Each thread counts in a shard of its own, as long as there are enough, so that no two cores
/// write to the same memory, however busy one key is; the lock of a shard is contended only while
/// it is emptied. A counter on the key's own entry would take less memory, and had two cores
/// together do 1.3 times what one does, instead of twice.
pub(crate) struct UsageCounter {
    shards: Box<[Shard]>,
    /// What was taken from the shards, and not handed out yet.
    taken: Mutex<Counts>,
}

/// On cache lines of its own. It keeps its memory when it is emptied: a remembered key is verified
/// without an allocation.
#[repr(align(128))]
struct Shard(Mutex<Counts>);

type Counts = HashMap<Place, Tally, RandomState>;

/// What is counted apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    key: KeyId,
    secret: u32,
    outcome: Outcome,
    hour: Hour,
}

struct Tally {
    organization: OrganizationId,
    count: u64,
    last_at: Timestamp,
}

/// More than most machines have cores.
const SHARDS: usize = 64;

/// How many places a shard has before it takes more memory.
const FIRST_PLACES: usize = 8;

impl UsageCounter {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::new()).collect(), taken: Mutex::default() }
    }

    pub(crate) fn count<S>(&self, key: &CachedKey<S>, outcome: Outcome, at: Timestamp) {
        let (id, secret) = key.credential();
        let place = Place { key: id, secret, outcome, hour: Hour::of(at) };
        let mut counts = lock(&self.shards[own_number() % SHARDS].0);
        add(&mut counts, place, key.organization(), 1, at);
    }

    /// Gathers what the shards have counted.
    pub(crate) fn collect(&self) {
        let mut taken = lock(&self.taken);
        for shard in &self.shards {
            for (place, tally) in lock(&shard.0).drain() {
                add(&mut taken, place, &tally.organization, tally.count, tally.last_at);
            }
        }
    }

    /// Takes everything that was counted since the last time.
    pub(crate) fn take(&self) -> Vec<UsageCount> {
        self.collect();
        let taken = std::mem::take(&mut *lock(&self.taken));
        taken.into_iter().map(|(place, tally)| tally.at(place)).collect()
    }
}

impl Shard {
    fn new() -> Self {
        Self(Mutex::new(Counts::with_capacity_and_hasher(FIRST_PLACES, RandomState::default())))
    }
}

fn add(
    counts: &mut Counts,
    place: Place,
    organization: &OrganizationId,
    count: u64,
    at: Timestamp,
) {
    let tally = counts.entry(place).or_insert_with(|| Tally {
        organization: organization.clone(),
        count: 0,
        last_at: at,
    });
    tally.count = tally.count.saturating_add(count);
    tally.last_at = tally.last_at.max(at);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Threads are numbered as they first count something.
fn own_number() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
    }
    OWN.get()
}

impl Hash for Place {
    /// The random half of the key's id: it tells keys apart, of which there are many. Of each there
    /// are a few places.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [_, random] = self.key.as_bytes().as_chunks::<8>().0 else { unreachable!("16 bytes") };
        state.write_u64(u64::from_ne_bytes(*random));
    }
}

impl Tally {
    fn at(self, place: Place) -> UsageCount {
        UsageCount {
            organization: self.organization,
            key: place.key,
            secret: place.secret,
            hour: place.hour,
            outcome: place.outcome,
            count: self.count,
            last_at: self.last_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::Environment;

    use super::*;

    keyfob_core::scopes! { enum Scope { Read => "org:read" } }

    fn key(byte: u8) -> CachedKey<Scope> {
        let organization = OrganizationId::new("acme").unwrap();
        CachedKey::for_test(KeyId::from_bytes([byte; 16]), organization, Environment::Live)
    }

    #[test]
    fn counts_of_all_threads_come_to_one_sum_by_place() {
        let (usage, one, other) = (UsageCounter::new(), key(1), key(2));
        let at = |hour| Hour::from_number(hour).start();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        usage.count(&one, Outcome::Accepted, at(5));
                    }
                });
            }
            for _ in 0..100 {
                usage.collect();
            }
        });
        usage.count(&one, Outcome::Accepted, at(6));
        usage.count(&one, Outcome::MissingScope, at(5));
        usage.count(&other, Outcome::Accepted, at(5));
        let mut counts: Vec<u64> = usage.take().iter().map(|count| count.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 1, 8_000]);
        assert!(usage.take().is_empty());
    }
}
