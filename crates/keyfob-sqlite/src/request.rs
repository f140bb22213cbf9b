//! A request is what is to be done, and whom to answer. It is done first and answered later, when the
//! fate of the transaction is known in which it was done.

use keyfob_store::StoreError;
use tokio::sync::oneshot;

use crate::SqliteError;
use crate::reads::Reads;
use crate::sqlite_error::Refused;
use crate::writes::Writes;

/// Something to be done in a transaction, which is a `C`.
pub(crate) trait Request<C>: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Whether it writes so much that it wants a transaction of its own.
    fn is_bulk(&self) -> bool;

    /// Does it, and keeps the answer back. Returns whether it did what was asked: if not, nothing
    /// of it may be committed.
    fn run(&mut self, context: &mut C) -> bool;

    /// Answers, now that the fate of the transaction is known.
    fn settle(self: Box<Self>, fate: Result<(), &Failure>);
}

pub(crate) type Read = Box<dyn for<'c> Request<Reads<'c>>>;
pub(crate) type Write = Box<dyn for<'c> Request<Writes<'c>>>;

/// What comes back; it may be awaited on any executor.
pub(crate) type Answered<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Why a whole transaction came to nothing: everyone in it is told.
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

pub(crate) fn read<T, F>(work: F) -> (Read, Answered<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Reads<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (task, answered) = task(work, Bulk::No);
    (Box::new(task), answered)
}

pub(crate) fn write<T, F>(work: F, bulk: Bulk) -> (Write, Answered<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Writes<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (task, answered) = task(work, bulk);
    (Box::new(task), answered)
}

/// Whether a request has a number of rows to write that it does not know a bound of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bulk {
    No,
    Yes,
}

fn task<T, F>(work: F, bulk: Bulk) -> (Task<T, F>, Answered<T>) {
    let (answer, answered) = oneshot::channel();
    (Task { work: Some(work), bulk, result: None, answer }, answered)
}

struct Task<T, F> {
    work: Option<F>,
    bulk: Bulk,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<C, T, F> Request<C> for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut C) -> Result<T, StoreError> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn is_bulk(&self) -> bool {
        self.bulk == Bulk::Yes
    }

    fn run(&mut self, context: &mut C) -> bool {
        if let Some(work) = self.work.take() {
            self.result = Some(work(context));
        }
        matches!(self.result, Some(Ok(_)))
    }

    fn settle(self: Box<Self>, fate: Result<(), &Failure>) {
        let answer = match (self.result, fate) {
            (Some(result), Ok(())) => result,
            (Some(Err(own)), Err(_)) if is_failure(&own) => Err(own),
            // A refusal, such as a limit reached, may rest on writes of the same transaction. So
            // it is as void as they are if that did not commit.
            (_, Err(failure)) => Err(failure.to_store_error()),
            (None, Ok(())) => Err(Refused::ThreadEnded.into()),
        };
        // A caller that has gone away does not want it.
        let _ = self.answer.send(answer);
    }
}

/// Whether the store failed, and did not merely refuse.
fn is_failure(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable(_) | StoreError::Corrupt { .. } | StoreError::Internal(_)
    )
}
