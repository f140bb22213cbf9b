use std::error::Error;
use std::fmt;
use std::panic::Location;

use keyfob_store::{BackendError, Committed, ImportError, Issued, KeyRecord, StoreError};

/// What a check expected, and what it saw instead.
#[derive(Clone, Debug)]
pub struct Failure {
    what: String,
    expected: String,
    seen: String,
    asked_at: &'static Location<'static>,
}

/// How a check ends.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    #[track_caller]
    pub(crate) fn new(
        what: impl fmt::Display,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self {
            what: what.to_string(),
            expected: expected.into(),
            seen: seen.into(),
            asked_at: Location::caller(),
        }
    }

    #[track_caller]
    pub(crate) fn unopened(what: &str, error: &BackendError) -> Self {
        Self::new(what, "the factory succeeds", chain(&**error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    {}", self.what)?;
        writeln!(f, "    expected: {}", self.expected)?;
        writeln!(f, "    seen:     {}", self.seen)?;
        writeln!(f, "    asked at: {}", self.asked_at)
    }
}

impl Error for Failure {}

impl From<StoreError> for Failure {
    #[track_caller]
    fn from(error: StoreError) -> Self {
        Self::new("a call that has to succeed", "Ok", chain(&error))
    }
}

impl From<ImportError> for Failure {
    #[track_caller]
    fn from(error: ImportError) -> Self {
        Self::new("an import that has to succeed", "Ok", chain(&error))
    }
}

/// The error, and what it says was behind it.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

/// Asks that something be equal to what is expected.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "a caller passes what it has, or borrows it")]
pub(crate) fn same<A, B>(what: impl fmt::Display, seen: A, expected: B) -> Outcome
where
    A: PartialEq<B> + fmt::Debug,
    B: fmt::Debug,
{
    if seen == expected {
        return Ok(());
    }
    Err(Failure::new(what, format!("{expected:?}"), format!("{seen:?}")))
}

/// Asks that something be so.
#[track_caller]
pub(crate) fn holds(what: impl fmt::Display, so: bool) -> Outcome {
    if so { Ok(()) } else { Err(Failure::new(what, "it is so", "it is not")) }
}

/// Asks for a refusal of exactly this kind.
#[track_caller]
pub(crate) fn refused<T: fmt::Debug>(
    what: impl fmt::Display,
    seen: &Result<T, StoreError>,
    expected: &StoreError,
) -> Outcome {
    let alike = match (seen, expected) {
        (Err(StoreError::NotFound), StoreError::NotFound)
        | (Err(StoreError::FeedLost), StoreError::FeedLost) => true,
        (
            Err(StoreError::LimitReached { limit: seen }),
            StoreError::LimitReached { limit: expected },
        ) => seen == expected,
        (Err(StoreError::Conflict(seen)), StoreError::Conflict(expected)) => seen == expected,
        _ => false,
    };
    if alike {
        Ok(())
    } else {
        Err(Failure::new(what, format!("{expected:?}"), format!("{seen:?}")))
    }
}

/// Asks that an import was refused for this one of its keys, and for this reason.
#[track_caller]
pub(crate) fn import_refused<T: fmt::Debug>(
    what: impl fmt::Display,
    seen: Result<T, ImportError>,
    index: usize,
    expected: &StoreError,
) -> Outcome {
    let (at, seen) = match seen {
        Ok(imported) => (None, Ok(imported)),
        Err(ImportError { index, error }) => (Some(index), Err(error)),
    };
    refused(&what, &seen, expected)?;
    same(format!("{what}: which key it was"), at, Some(index))
}

/// Asks that an insertion made a new key, or a rotation a new secret.
#[track_caller]
pub(crate) fn created(issued: Result<Issued, StoreError>) -> Result<Committed<KeyRecord>, Failure> {
    match issued? {
        Issued::New(made) => Ok(made),
        replayed @ Issued::Replayed(_) => {
            Err(Failure::new("a request for a new credential", "New", format!("{replayed:?}")))
        }
    }
}

/// Asks that a request was recognised as a repeated one.
#[track_caller]
pub(crate) fn replayed(issued: Result<Issued, StoreError>) -> Result<KeyRecord, Failure> {
    match issued? {
        Issued::Replayed(key) => Ok(key),
        made @ Issued::New(_) => {
            Err(Failure::new("a request that is repeated", "Replayed", format!("{made:?}")))
        }
    }
}
