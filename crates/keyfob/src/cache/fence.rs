use std::collections::{HashMap, VecDeque};

use keyfob_core::KeyHash;
use keyfob_store::FeedPosition;

/// Keeps an answer that was read before a change from being used after it.
///
/// It remembers where each hash changed last, as far back as the floor.
pub(crate) struct Fence {
    generation: u64,
    /// Answers older than this are not to be judged any more: what happened since is forgotten.
    /// `None` while no feed is followed.
    floor: Option<FeedPosition>,
    raised: HashMap<KeyHash, FeedPosition>,
    order: VecDeque<(KeyHash, FeedPosition)>,
}

/// How many changes are remembered: as many as a busy store makes while one lookup is under way.
const REMEMBERED: usize = 8_192;

/// What may be done with the answer of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may be given and kept.
    Keep,
    /// It may be given, and not be kept: no feed is followed that would say when to forget it.
    AnswerOnly,
    /// The key has changed since, or may have. Ask again.
    Overtaken,
}

impl Fence {
    pub(crate) fn new() -> Self {
        Self { generation: 0, floor: None, raised: HashMap::new(), order: VecDeque::new() }
    }

    /// Judges an answer that is as new as `position`, asked for in this generation.
    pub(crate) fn judge(&self, hash: KeyHash, position: FeedPosition, generation: u64) -> Verdict {
        if generation != self.generation {
            return Verdict::Overtaken;
        }
        if self.raised.get(&hash).is_some_and(|changed| *changed > position) {
            return Verdict::Overtaken;
        }
        match self.floor {
            Some(floor) if position < floor => Verdict::Overtaken,
            Some(_) => Verdict::Keep,
            None => Verdict::AnswerOnly,
        }
    }

    /// Notes that the hash's key changed there. It is news unless a change there or later was
    /// noted before: then whatever was kept since is at least as new.
    pub(crate) fn raise(&mut self, hash: KeyHash, position: FeedPosition) -> bool {
        let known = self.raised.entry(hash).or_default();
        if position <= *known {
            return false;
        }
        *known = position;
        self.order.push_back((hash, position));
        if self.order.len() > REMEMBERED {
            self.forget_oldest();
        }
        true
    }

    /// Forgets everything: positions from before mean nothing now.
    pub(crate) fn restart(&mut self, position: FeedPosition) {
        *self = Self { generation: self.generation + 1, floor: Some(position), ..Self::new() };
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    fn forget_oldest(&mut self) {
        let Some((hash, position)) = self.order.pop_front() else { return };
        // A later change to the same hash has an entry of its own, further back.
        if self.raised.get(&hash) == Some(&position) {
            self.raised.remove(&hash);
        }
        self.floor = self.floor.map(|floor| floor.max(position));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> KeyHash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        KeyHash::from_bytes(bytes)
    }

    #[test]
    fn forgetting_a_change_raises_the_floor_to_it() {
        let mut fence = Fence::new();
        fence.restart(FeedPosition::START);
        for change in 1..=REMEMBERED as u64 + 1 {
            fence.raise(hash(change), FeedPosition::new(change));
        }
        assert_eq!(fence.order.len(), REMEMBERED);
        let judge = |position| fence.judge(hash(1), FeedPosition::new(position), 1);
        assert_eq!(judge(0), Verdict::Overtaken);
        assert_eq!(judge(1), Verdict::Keep);
    }

    #[test]
    fn repeated_changes_of_one_key_leave_the_latest() {
        let mut fence = Fence::new();
        fence.restart(FeedPosition::START);
        let news = [5, 9, 7, 9].map(|position| fence.raise(hash(1), FeedPosition::new(position)));
        assert_eq!(news, [true, true, false, false]);
        assert_eq!(fence.judge(hash(1), FeedPosition::new(8), 1), Verdict::Overtaken);
        assert_eq!(fence.judge(hash(1), FeedPosition::new(9), 1), Verdict::Keep);
    }
}
