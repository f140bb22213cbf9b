//! A request is what is to be done, and whom to answer. It is answered when the transaction that
//! it was done in has ended: a write must be committed, and reads are many.

use keyfob_store::StoreError;
use tokio::sync::oneshot;

use crate::SqliteError;
use crate::reads::Reads;
use crate::sqlite_error::Refused;
use crate::writes::Writes;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What comes back; it may be awaited on any executor.
pub(crate) type Answered<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Something to be done in a read transaction.
pub(crate) trait Read: Send {
    /// Does it unless nobody waits for the answer any more, and keeps the answer back.
    fn run(
        self: Box<Self>,
        reads: Result<&mut Reads<'_>, &SqliteError>,
    ) -> Option<Box<dyn Unsettled>>;
}

/// Something to be done in a write transaction.
pub(crate) trait Write: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Does it, and keeps the answer back.
    fn run(self: Box<Self>, writes: &mut Writes<'_>) -> Box<dyn Unsettled>;

    /// Answers that it was not done.
    fn fail(self: Box<Self>, failure: &Failure);
}

/// What was done in a transaction that has not ended yet.
pub(crate) trait Unsettled {
    /// Whether it did what was asked. If not, nothing of it may be committed.
    fn succeeded(&self) -> bool;

    /// Answers, now that the fate of its transaction is known.
    fn settle(self: Box<Self>, fate: Result<(), &Failure>);
}

/// Why a whole transaction did not commit: everyone in it is told.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Sqlite(SqliteError),
    Refused(Refused),
}

impl Failure {
    fn to_store_error(&self) -> StoreError {
        match self {
            Self::Sqlite(error) => error.clone().into_store_error(),
            Self::Refused(refused) => (*refused).into(),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.into())
    }
}

pub(crate) fn read<T, F>(work: F) -> (Box<dyn Read>, Answered<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Reads<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    (Box::new(Request { work, answer }), answered)
}

pub(crate) fn write<T, F>(work: F) -> (Box<dyn Write>, Answered<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Writes<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    (Box::new(Request { work, answer }), answered)
}

struct Request<T, F> {
    work: F,
    answer: Answer<T>,
}

impl<T, F> Read for Request<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Reads<'_>) -> Result<T, StoreError> + Send,
{
    fn run(
        self: Box<Self>,
        reads: Result<&mut Reads<'_>, &SqliteError>,
    ) -> Option<Box<dyn Unsettled>> {
        if self.answer.is_closed() {
            return None;
        }
        let result = match reads {
            Ok(reads) => (self.work)(reads),
            Err(error) => Err(error.clone().into_store_error()),
        };
        Some(Box::new(Done { result, answer: self.answer }))
    }
}

impl<T, F> Write for Request<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Writes<'_>) -> Result<T, StoreError> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>, writes: &mut Writes<'_>) -> Box<dyn Unsettled> {
        Box::new(Done { result: (self.work)(writes), answer: self.answer })
    }

    fn fail(self: Box<Self>, failure: &Failure) {
        let _ = self.answer.send(Err(failure.to_store_error()));
    }
}

struct Done<T> {
    result: Result<T, StoreError>,
    answer: Answer<T>,
}

impl<T> Unsettled for Done<T> {
    fn succeeded(&self) -> bool {
        self.result.is_ok()
    }

    fn settle(self: Box<Self>, fate: Result<(), &Failure>) {
        let _ = self.answer.send(match (self.result, fate) {
            (result, Ok(())) => result,
            (Err(own), Err(_)) if is_failure(&own) => Err(own),
            // A refusal, such as a limit reached, may rest on writes of the same transaction. So
            // it is as void as they are if that did not commit.
            (_, Err(failure)) => Err(failure.to_store_error()),
        });
    }
}

/// Whether the store failed, and did not merely refuse.
fn is_failure(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable(_) | StoreError::Corrupt { .. } | StoreError::Internal(_)
    )
}
