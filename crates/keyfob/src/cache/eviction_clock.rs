use keyfob_core::KeyHash;

/// Decides which key loses its place to a newcomer, by CLOCK (Corbató 1968): a hand goes round,
/// spares what was read since it last came by, and stops at the first that was not.
#[derive(Debug)]
pub(super) struct EvictionClock {
    /// By the first 64 bits of their hashes, the keys that the hand passes.
    passed: Vec<u64>,
    hand: usize,
    capacity: usize,
}

/// The clock starts with this many places, and never adds fewer but at its end.
const FEWEST_PLACES: usize = 64;

/// So many keys are spared at most, so that no one insertion pays for a table of busy keys.
const MOST_SPARED: usize = 64;

/// What the hand finds where it points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    /// Read since it last came by.
    Spared,
    /// Not read since.
    Idle,
    /// Forgotten already.
    Vacant,
}

impl EvictionClock {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { passed: Vec::new(), hand: 0, capacity }
    }

    /// Makes places when there is none left, and tells whether it did. A quarter more: to double
    /// them would leave up to half of them empty.
    pub(super) fn grow(&mut self) -> bool {
        let places = self.passed.capacity();
        let full = self.passed.len() == places && places < self.capacity;
        if full {
            self.passed.reserve_exact((places / 4).max(FEWEST_PLACES).min(self.capacity - places));
        }
        full
    }

    /// Gives a newcomer a place, and names the key that loses it, if one does.
    pub(super) fn admit(&mut self, hash: &KeyHash, look: impl Fn(u64) -> Hand) -> Option<u64> {
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

    pub(super) fn clear(&mut self) {
        self.passed.clear();
        self.hand = 0;
    }

    fn advance(&mut self) {
        self.hand = (self.hand + 1) % self.capacity;
    }
}
