use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use keyfob_core::KeyHash;
use keyfob_store::{Hour, KeyId, OrganizationId, Outcome, Timestamp, UsageCount};

use crate::cache::{Cache, CachedKey, Counted, Uses};

/// Counts verifications in memory, until they are written down.
///
/// What is frequent, a remembered key that is accepted, counts on its own entry in the cache; here
/// is noted, once between two takings, that there is something to take. All else counts here.
///
/// Each thread notes and counts in a shard of its own, as long as there are enough, so that no two
/// cores write to the same memory.
pub(crate) struct UsageCounter {
    shards: Box<[Shard]>,
    /// The hour, by number, that entries of the cache are counting in.
    hour: AtomicI64,
    /// What was taken, and not handed out yet.
    taken: Mutex<Counts>,
}

/// On cache lines of its own.
#[repr(align(128))]
struct Shard(Mutex<Notes>);

/// It keeps its memory when it is emptied: a remembered key is verified without an allocation.
struct Notes {
    /// The entries that have something to take: their hashes' prefixes, and since when.
    used: Vec<(u64, Timestamp)>,
    counts: Counts,
}

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

/// How many entries a shard can note before it takes more memory.
const FIRST_NOTES: usize = 16;

impl UsageCounter {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::new()).collect(),
            hour: AtomicI64::new(Hour::of(now).number()),
            taken: Mutex::default(),
        }
    }

    /// Counts that a key was accepted which the cache remembers.
    pub(crate) fn count_remembered<S>(
        &self,
        hash: &KeyHash,
        key: &CachedKey<S>,
        at: Timestamp,
        cache: &Cache<S>,
    ) {
        if Hour::of(at).number() != self.hour.load(Ordering::Relaxed) {
            self.begin_hour(Hour::of(at), cache);
        }
        match key.count_use() {
            Counted::More => {}
            Counted::First => self.own_shard().used.push((hash.prefix(), at)),
            Counted::Closed => self.count(key, Outcome::Accepted, at),
        }
    }

    /// Counts anything else.
    pub(crate) fn count<S>(&self, key: &CachedKey<S>, outcome: Outcome, at: Timestamp) {
        let (id, secret) = key.credential();
        let place = Place { key: id, secret, outcome, hour: Hour::of(at) };
        add(&mut self.own_shard().counts, place, key.organization(), 1, at);
    }

    /// Takes everything that was counted since the last time.
    pub(crate) fn take<S>(&self, now: Timestamp, cache: &Cache<S>) -> Vec<UsageCount> {
        self.collect(now, cache);
        let taken = std::mem::take(&mut *lock(&self.taken));
        taken.into_iter().map(|(place, tally)| tally.at(place)).collect()
    }

    /// What the entries of the cache have counted until now belongs to the hour that has ended.
    /// Whoever is between the two steps is a moment too early or too late, and counts all the same.
    fn begin_hour<S>(&self, hour: Hour, cache: &Cache<S>) {
        self.collect(hour.start(), cache);
        self.hour.store(hour.number(), Ordering::Relaxed);
    }

    /// Gathers what the entries and the shards have counted.
    pub(crate) fn collect<S>(&self, now: Timestamp, cache: &Cache<S>) {
        let mut taken = lock(&self.taken);
        let hour = Hour::from_number(self.hour.load(Ordering::Relaxed));
        let (mut used, mut counted) = (HashMap::<u64, Timestamp>::new(), Vec::new());
        for shard in &self.shards {
            let mut notes = lock(&shard.0);
            used.extend(notes.used.drain(..));
            counted.extend(notes.counts.drain());
        }
        let remembered = used.keys().filter_map(|prefix| cache.take_uses(*prefix));
        for uses in remembered.chain(cache.take_orphaned_uses()) {
            let Uses { prefix, organization, key, secret, count } = uses;
            let place = Place { key, secret, outcome: Outcome::Accepted, hour };
            let at = used.get(&prefix).copied().unwrap_or(now);
            if count > 0 {
                add(&mut taken, place, &organization, count.into(), at);
            }
        }
        for (place, tally) in counted {
            add(&mut taken, place, &tally.organization, tally.count, tally.last_at);
        }
    }

    fn own_shard(&self) -> MutexGuard<'_, Notes> {
        lock(&self.shards[own_number() % SHARDS].0)
    }
}

impl Shard {
    fn new() -> Self {
        let used = Vec::with_capacity(FIRST_NOTES);
        Self(Mutex::new(Notes { used, counts: Counts::default() }))
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
