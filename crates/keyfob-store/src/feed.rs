use std::fmt;

use keyfob_core::KeyHash;

use crate::{KeyId, OrganizationId};

/// A place in a store's change feed. Later is greater; the numbers in between mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FeedPosition(u64);

impl FeedPosition {
    /// Before every change.
    pub const START: Self = Self(0);

    /// From the store's own number.
    #[must_use]
    pub const fn new(position: u64) -> Self {
        Self(position)
    }

    /// The store's own number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedPosition({self})")
    }
}

/// The place to which a reader has followed a change feed: a position, and the mark of the event there.
///
/// Only a store makes one, and only the same store reads it. The mark is random and travels with
/// the reader. After a failover that lost commits, or a restored backup, the same position belongs
/// to another event, whose mark differs. So [`changes`](crate::KeyStore::changes) after a cursor of
/// the old history is [`FeedLost`](crate::StoreError::FeedLost), however far the new one reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedCursor {
    position: FeedPosition,
    mark: u128,
}

impl FeedCursor {
    /// The start of every history: no change comes before it.
    pub const START: Self = Self { position: FeedPosition::START, mark: 0 };

    /// The cursor of a reader that has seen every change up to a position. At
    /// [`FeedPosition::START`] there is no event, and the mark is 0.
    #[must_use]
    pub const fn new(position: FeedPosition, mark: u128) -> Self {
        Self { position, mark }
    }

    /// The position: every change up to there was read.
    #[must_use]
    pub const fn position(self) -> FeedPosition {
        self.position
    }

    /// The mark of the event at the position.
    #[must_use]
    pub const fn mark(self) -> u128 {
        self.mark
    }
}

/// A write that is durable, and where the change feed tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed<T> {
    /// What was written, as it is now.
    pub value: T,
    /// A follower that has reached this position has seen the write.
    pub position: FeedPosition,
}

/// One step of the feed: something changed.
///
/// It does not say what. Whoever remembers an answer that it may concern forgets it and asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stands in the feed.
    pub position: FeedPosition,
    /// What it may concern.
    pub changed: Changed,
}

/// What a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A key.
    Key {
        /// The key.
        key: KeyId,
        /// The hashes of its secrets: of all that retire later than a day before the change.
        /// A cache may have seen one of them as unknown.
        hashes: Vec<KeyHash>,
    },
    /// Every key of an organization.
    Organization(OrganizationId),
}

/// A stretch of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// What changed, in the order of the feed.
    pub changes: Vec<Change>,
    /// Everything up to here is in the answers so far: read on from here.
    pub reached: FeedCursor,
    /// Whether there was nothing beyond [`reached`](Self::reached) when the read began.
    pub complete: bool,
}
