use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use keyfob_store::{Hour, KeyId, OrganizationId, Outcome, Timestamp, UsageCount};

/// Counts verifications in memory, until they are written down.
///
/// Each thread counts in a shard of its own, as long as there are enough, so that no two cores
/// write to the same memory; the lock of a shard is contended only while it is emptied.
pub(crate) struct UsageCounter {
    shards: Box<[Shard]>,
}

/// On cache lines of its own.
#[repr(align(128))]
#[derive(Default)]
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

impl Hash for Place {
    /// The random half of the key's id: it tells keys apart, of which there are many. Of each there
    /// are a few places, and hashing them in full would be a tenth of the whole verification.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [_, random] = self.key.as_bytes().as_chunks::<8>().0 else { unreachable!("16 bytes") };
        state.write_u64(u64::from_ne_bytes(*random));
    }
}

struct Tally {
    organization: OrganizationId,
    count: u64,
    last_at: Timestamp,
}

/// More than most machines have cores, and a power of two.
const SHARDS: usize = 64;

impl UsageCounter {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }

    pub(crate) fn count(
        &self,
        organization: &OrganizationId,
        (key, secret): (KeyId, u32),
        outcome: Outcome,
        at: Timestamp,
    ) {
        let place = Place { key, secret, outcome, hour: Hour::of(at) };
        let mut counts = self.shards[own_shard()].lock();
        if let Some(tally) = counts.get_mut(&place) {
            tally.add(1, at);
        } else {
            let organization = organization.clone();
            counts.insert(place, Tally { organization, count: 1, last_at: at });
        }
    }

    /// Takes everything that was counted since the last time.
    pub(crate) fn take(&self) -> Vec<UsageCount> {
        let mut sums = Counts::default();
        for shard in &self.shards {
            let counts = std::mem::take(&mut *shard.lock());
            for (place, tally) in counts {
                match sums.get_mut(&place) {
                    Some(sum) => sum.add(tally.count, tally.last_at),
                    None => drop(sums.insert(place, tally)),
                }
            }
        }
        sums.into_iter().map(|(place, tally)| tally.at(place)).collect()
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn add(&mut self, count: u64, at: Timestamp) {
        self.count = self.count.saturating_add(count);
        self.last_at = self.last_at.max(at);
    }

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

/// Threads are numbered as they first count something.
fn own_shard() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    OWN.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Hour::from_number(hour).start()
    }

    #[test]
    fn counts_of_all_threads_come_to_one_sum_by_place() {
        let usage = UsageCounter::new();
        let organization = OrganizationId::new("acme").unwrap();
        let key = KeyId::from_bytes([1; 16]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        usage.count(&organization, (key, 1), Outcome::Accepted, at(5));
                    }
                });
            }
        });
        usage.count(&organization, (key, 1), Outcome::Accepted, at(6));
        usage.count(&organization, (key, 2), Outcome::Accepted, at(5));
        usage.count(&organization, (key, 1), Outcome::MissingScope, at(5));
        let mut counts: Vec<u64> = usage.take().iter().map(|count| count.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 1, 8_000]);
        assert!(usage.take().is_empty());
    }
}
