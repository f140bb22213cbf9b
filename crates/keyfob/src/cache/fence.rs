use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use keyfob_core::KeyHash;
use keyfob_store::{FeedPosition, OrganizationId};

/// Keeps an answer that was read before a change from being used after it.
///
/// It remembers where each hash changed last, as far back as the floor.
pub(crate) struct Fence {
    generation: u64,
    /// Answers older than this are not to be judged any more: what happened since is forgotten.
    /// `None` while no feed is followed.
    floor: Option<FeedPosition>,
    raised: Raised<KeyHash>,
    /// Where organizations were deleted.
    deleted: Raised<OrganizationId>,
}

/// Where each of the last so many things changed.
struct Raised<T> {
    last: HashMap<T, FeedPosition>,
    order: VecDeque<(T, FeedPosition)>,
}

/// How many changes of each kind are remembered: as many as a busy store makes while one lookup is under way.
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
        Self { generation: 0, floor: None, raised: Raised::new(), deleted: Raised::new() }
    }

    /// Judges an answer that is as new as `position`, asked for in this generation, of a key of
    /// this organization if it is anyone's.
    pub(crate) fn judge(
        &self,
        hash: KeyHash,
        organization: Option<&OrganizationId>,
        position: FeedPosition,
        generation: u64,
    ) -> Verdict {
        if generation != self.generation {
            return Verdict::Overtaken;
        }
        if self.raised.last.get(&hash).is_some_and(|changed| *changed > position) {
            return Verdict::Overtaken;
        }
        let deleted = organization.and_then(|organization| self.deleted.last.get(organization));
        if deleted.is_some_and(|deleted| *deleted > position) {
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
        let (news, forgotten) = self.raised.raise(hash, position);
        self.raise_floor(forgotten);
        news
    }

    /// Notes that the organization was deleted there. Returns whether that is news.
    pub(crate) fn raise_all_of(
        &mut self,
        organization: &OrganizationId,
        position: FeedPosition,
    ) -> bool {
        let (news, forgotten) = self.deleted.raise(organization.clone(), position);
        self.raise_floor(forgotten);
        news
    }

    /// Forgets everything: positions from before mean nothing now.
    pub(crate) fn restart(&mut self, position: FeedPosition) {
        *self = Self { generation: self.generation + 1, floor: Some(position), ..Self::new() };
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    fn raise_floor(&mut self, forgotten: Option<FeedPosition>) {
        if let Some(forgotten) = forgotten {
            self.floor = self.floor.map(|floor| floor.max(forgotten));
        }
    }
}

impl<T: Clone + Eq + Hash> Raised<T> {
    fn new() -> Self {
        Self { last: HashMap::new(), order: VecDeque::new() }
    }

    /// Notes a change. Returns whether it is news, and the position of a change that was forgotten
    /// to make room.
    fn raise(&mut self, what: T, position: FeedPosition) -> (bool, Option<FeedPosition>) {
        let known = self.last.entry(what.clone()).or_default();
        if position <= *known {
            return (false, None);
        }
        *known = position;
        self.order.push_back((what, position));
        let forgotten = if self.order.len() > REMEMBERED { self.order.pop_front() } else { None };
        let Some((what, position)) = forgotten else { return (true, None) };
        // A later change to the same thing has an entry of its own, further back.
        if self.last.get(&what) == Some(&position) {
            self.last.remove(&what);
        }
        (true, Some(position))
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
        assert_eq!(fence.raised.order.len(), REMEMBERED);
        let judge = |position| fence.judge(hash(1), None, FeedPosition::new(position), 1);
        assert_eq!(judge(0), Verdict::Overtaken);
        assert_eq!(judge(1), Verdict::Keep);
    }

    #[test]
    fn deletions_of_organizations_are_bounded_too() {
        let mut fence = Fence::new();
        fence.restart(FeedPosition::START);
        let name = |number: u64| OrganizationId::new(&format!("o-{number}")).unwrap();
        for change in 1..=REMEMBERED as u64 + 1 {
            fence.raise_all_of(&name(change), FeedPosition::new(change));
        }
        assert_eq!(fence.deleted.last.len(), REMEMBERED);
        assert_eq!(fence.deleted.order.len(), REMEMBERED);
        let judge = |position| fence.judge(hash(1), Some(&name(1)), FeedPosition::new(position), 1);
        assert_eq!(judge(0), Verdict::Overtaken);
        assert_eq!(judge(1), Verdict::Keep);
    }

    #[test]
    fn repeated_changes_of_one_key_leave_the_latest() {
        let mut fence = Fence::new();
        fence.restart(FeedPosition::START);
        let news = [5, 9, 7, 9].map(|position| fence.raise(hash(1), FeedPosition::new(position)));
        assert_eq!(news, [true, true, false, false]);
        assert_eq!(fence.judge(hash(1), None, FeedPosition::new(8), 1), Verdict::Overtaken);
        assert_eq!(fence.judge(hash(1), None, FeedPosition::new(9), 1), Verdict::Keep);
    }
}
