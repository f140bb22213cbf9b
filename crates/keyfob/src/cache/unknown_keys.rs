use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use keyfob_core::KeyHash;

/// Hashes that were looked up and are nobody's, in a table of fixed size.
///
/// Anyone can make as many of these as they like. So they have a table of their own, where they
/// evict nothing but each other; it never grows; and finding one costs four comparisons whatever is
/// in it. Where a hash goes depends on random numbers of the process, so its bucket can't be aimed at.
pub(crate) struct UnknownKeys {
    buckets: Box<[Mutex<Bucket>]>,
    placement: RandomState,
}

#[derive(Clone, Default)]
struct Bucket {
    hashes: [Option<KeyHash>; WAYS],
    next: usize,
}

const WAYS: usize = 4;
const BUCKETS: usize = 4_096;

impl UnknownKeys {
    pub(crate) fn new() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| Mutex::default()).collect(),
            placement: RandomState::default(),
        }
    }

    pub(crate) fn contains(&self, hash: &KeyHash) -> bool {
        self.bucket(hash).hashes.contains(&Some(*hash))
    }

    pub(crate) fn insert(&self, hash: KeyHash) {
        let mut bucket = self.bucket(&hash);
        if bucket.hashes.contains(&Some(hash)) {
            return;
        }
        let place = bucket.next;
        bucket.hashes[place] = Some(hash);
        bucket.next = (place + 1) % WAYS;
    }

    pub(crate) fn remove(&self, hash: &KeyHash) {
        for place in &mut self.bucket(hash).hashes {
            if *place == Some(*hash) {
                *place = None;
            }
        }
    }

    pub(crate) fn clear(&self) {
        for bucket in &self.buckets {
            *lock(bucket) = Bucket::default();
        }
    }

    fn bucket(&self, hash: &KeyHash) -> MutexGuard<'_, Bucket> {
        // The remainder is below `BUCKETS`, which is a power of two.
        #[allow(clippy::cast_possible_truncation, reason = "the low bits are all that is used")]
        let number = self.placement.hash_one(hash) as usize % BUCKETS;
        lock(&self.buckets[number])
    }
}

fn lock(bucket: &Mutex<Bucket>) -> MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u32) -> KeyHash {
        let mut bytes = [0; 32];
        bytes[4..8].copy_from_slice(&number.to_be_bytes());
        KeyHash::from_bytes(bytes)
    }

    #[test]
    fn remembers_until_it_is_told_otherwise() {
        let unknown = UnknownKeys::new();
        unknown.insert(hash(1));
        assert!(unknown.contains(&hash(1)));
        assert!(!unknown.contains(&hash(2)));
        unknown.remove(&hash(1));
        assert!(!unknown.contains(&hash(1)));
        unknown.insert(hash(3));
        unknown.clear();
        assert!(!unknown.contains(&hash(3)));
    }

    #[test]
    fn flood_is_bounded_and_the_latest_are_kept() {
        let unknown = UnknownKeys::new();
        let flood = u32::try_from(WAYS * BUCKETS * 16).unwrap();
        for number in 0..flood {
            unknown.insert(hash(number));
            assert!(unknown.contains(&hash(number)));
        }
        let kept = (0..flood).filter(|number| unknown.contains(&hash(*number))).count();
        assert_eq!(kept, WAYS * BUCKETS);
    }
}
