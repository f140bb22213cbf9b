use keyfob_store::{
    Committed, Conflict, Event, FeedPosition, ImportError, Issued, KeyId, KeyLimit, KeyRecord,
    StoreError, Timestamp, UsageRow,
};
use serde_json::Value;

use crate::Failure;

/// What a store answers, but for positions: what it has in common with the model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// A new key, a new secret, or a change.
    Done(KeyRecord),
    Replayed(KeyRecord),
    Imported(Vec<KeyRecord>),
    Deleted,
    Counted,
    Pruned(u64),
    Read(KeyRecord),
    Keys(Vec<KeyRecord>),
    Logged(Vec<Logged>),
    Usage(Vec<UsageRow>),
    Refused(Refusal),
    ImportRefused(usize, Refusal),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    LimitReached(KeyLimit),
    Conflict(Conflict),
}

/// An event, but for its position.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Logged {
    pub(crate) at: Timestamp,
    pub(crate) action: String,
    pub(crate) actor: String,
    pub(crate) key: Option<KeyId>,
    pub(crate) details: Value,
}

impl From<Event> for Logged {
    fn from(event: Event) -> Self {
        Self {
            at: event.at,
            action: event.action.as_str().to_owned(),
            actor: event.actor.as_str().to_owned(),
            key: event.key,
            details: event.details.into(),
        }
    }
}

/// An answer, and how far the feed has to be to have told of it.
pub(crate) type Told = Result<(Answer, Option<FeedPosition>), Failure>;

/// The answer that stands for a result, unless the store failed.
pub(crate) fn told<T>(
    result: Result<T, StoreError>,
    answer: impl FnOnce(T) -> (Answer, Option<FeedPosition>),
) -> Told {
    match result {
        Ok(value) => Ok(answer(value)),
        Err(error) => Ok((Answer::Refused(refusal(error)?), None)),
    }
}

pub(crate) fn told_change(result: Result<Committed<KeyRecord>, StoreError>) -> Told {
    told(result, |done| (Answer::Done(done.value), Some(done.position)))
}

pub(crate) fn told_issue(result: Result<Issued, StoreError>) -> Told {
    told(result, |issued| match issued {
        Issued::New(made) => (Answer::Done(made.value), Some(made.position)),
        Issued::Replayed(key) => (Answer::Replayed(key), None),
    })
}

pub(crate) fn told_import(result: Result<Committed<Vec<KeyRecord>>, ImportError>) -> Told {
    match result {
        Ok(done) => Ok((Answer::Imported(done.value), Some(done.position))),
        Err(ImportError { index, error }) => {
            Ok((Answer::ImportRefused(index, refusal(error)?), None))
        }
    }
}

fn refusal(error: StoreError) -> Result<Refusal, Failure> {
    match error {
        StoreError::NotFound => Ok(Refusal::NotFound),
        StoreError::LimitReached { limit } => Ok(Refusal::LimitReached(limit)),
        StoreError::Conflict(conflict) => Ok(Refusal::Conflict(conflict)),
        error => Err(error.into()),
    }
}
