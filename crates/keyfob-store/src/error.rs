use std::error::Error;

use crate::{KeyLimit, Timestamp};

/// The error of the database behind a store, kept as the source.
pub type BackendError = Box<dyn Error + Send + Sync + 'static>;

/// Why a store did not do what it was asked. None of it holds key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such key in this organization. Another organization's key is not told apart
    /// from one that never was.
    #[error("the organization has no such key")]
    NotFound,
    /// The organization holds as many keys as its plan allows. Nothing was written.
    #[error("the organization's limit of {limit} keys is reached: revoke one, or change the plan")]
    LimitReached {
        /// The limit that was given.
        limit: KeyLimit,
    },
    /// The request contradicts what is stored. Nothing was written.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The store can't go on from this position of the change feed: it is older than what is kept,
    /// or newer than what was ever written. The follower forgets everything and starts anew.
    #[error("the store does not know this position of its change feed")]
    FeedLost,
    /// The store did not answer in time, or can't be reached. Whether a write took place is
    /// unknown; asking again later may work.
    #[error("the store is not available")]
    Unavailable(#[source] BackendError),
    /// What is stored is not what this store writes: the data was changed by something else, or
    /// is damaged.
    #[error("the store holds something that it did not write: {what}")]
    Corrupt {
        /// What was found, without its contents.
        what: String,
        /// The backend's own error, if it was the one to notice.
        source: Option<BackendError>,
    },
    /// The store failed in a way that asking again will not mend.
    #[error("the store failed")]
    Internal(#[source] BackendError),
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Stored data that can't be right.
    #[must_use]
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), source: None }
    }
}

/// How a request contradicts what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// A secret with this hash is stored already. With generated keys that means that one was
    /// inserted twice, or that a random generator is broken.
    #[error("a secret with this hash exists already")]
    DuplicateHash,
    /// A key with this id is stored already.
    #[error("a key with this id exists already")]
    DuplicateId,
    /// The key is revoked, and what was asked for needs one that is not.
    #[error("the key is revoked, and that is final: create a new one")]
    Revoked,
    /// The key has expired, so a new secret of it would be refused as well.
    #[error("the key has expired: give it a later expiry first, or create a new one")]
    Expired {
        /// The moment of its expiry.
        since: Timestamp,
    },
    /// The key's last rotation still goes on: it has two live secrets already.
    #[error("the key's last rotation still goes on: retire the old secret first, or wait")]
    StillRotating {
        /// When the old secret retires.
        until: Timestamp,
    },
    /// The idempotency token was used for another request.
    #[error("this idempotency token was used for another request: choose a new one")]
    IdempotencyMismatch,
}

/// Why none of several keys was imported.
#[derive(Debug, thiserror::Error)]
#[error("key {index} can't be imported")]
pub struct ImportError {
    /// Which of the keys could not be inserted, counted from 0; when the store failed as a whole,
    /// the first.
    pub index: usize,
    /// Why.
    #[source]
    pub error: StoreError,
}
