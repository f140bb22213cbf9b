//! A request is what is to be done, and whom to answer. It is decided first and answered later, when the
//! fate of the transaction is known that it is written in.

use keyfob_store::StoreError;
use tokio::sync::oneshot;

use super::failed::Failed;
use super::needs::Needs;
use super::working_set::WorkingSet;

/// Something to be done under the lock of the schema.
pub(crate) trait Operation: Send + Sync + 'static {
    /// What comes of it.
    type Answer: Send + 'static;

    /// Whether it shares its transaction with others.
    const SHARES: Sharing = Sharing::WithOthers;

    /// What must be known to decide it.
    fn needs(&self, needs: &mut Needs);

    /// Decides it, on what is known and on what was decided before it in the same transaction. When it
    /// fails, it has changed nothing. It may be decided again, in another transaction, if the first
    /// comes to nothing.
    fn decide(&self, set: &mut WorkingSet) -> Result<Self::Answer, StoreError>;
}

/// Whether an operation has a transaction to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// It is one of many.
    WithOthers,
    /// It is alone, in the time of any other.
    Alone,
    /// It is alone, and may take its time.
    AloneAndLong,
}

/// An operation whose type is hidden, on its way to the writer.
pub(crate) trait Request: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    fn sharing(&self) -> Sharing;

    fn needs(&self, needs: &mut Needs);

    /// Decides it, and keeps the answer back.
    fn decide(&mut self, set: &mut WorkingSet);

    /// Whether it was decided, and is a refusal or a failure.
    fn has_failed(&self) -> bool;

    /// Answers, now that the fate of the transaction is known.
    fn settle(self: Box<Self>, fate: Result<(), &Failed>);
}

/// What comes back; it may be awaited on any executor.
pub(crate) type Answered<T> = oneshot::Receiver<Result<T, StoreError>>;

pub(crate) fn request<O: Operation>(operation: O) -> (Box<dyn Request>, Answered<O::Answer>) {
    let (answer, answered) = oneshot::channel();
    (Box::new(Task { operation, result: None, answer }), answered)
}

struct Task<O: Operation> {
    operation: O,
    result: Option<Result<O::Answer, StoreError>>,
    answer: oneshot::Sender<Result<O::Answer, StoreError>>,
}

impl<O: Operation> Request for Task<O> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn sharing(&self) -> Sharing {
        O::SHARES
    }

    fn needs(&self, needs: &mut Needs) {
        self.operation.needs(needs);
    }

    fn decide(&mut self, set: &mut WorkingSet) {
        self.result = Some(self.operation.decide(set));
    }

    fn has_failed(&self) -> bool {
        matches!(self.result, Some(Err(_)))
    }

    fn settle(self: Box<Self>, fate: Result<(), &Failed>) {
        let answer = match (self.result, fate) {
            (Some(result), Ok(())) => result,
            (Some(Err(own @ (StoreError::Corrupt { .. } | StoreError::Internal(_)))), Err(_)) => {
                Err(own)
            }
            // A refusal, such as a limit reached, may rest on writes of the same transaction. So
            // it is as void as they are if that did not commit.
            (_, Err(failure)) => Err(failure.to_store_error()),
            (None, Ok(())) => Err(StoreError::corrupt("a write that was never decided")),
        };
        // A caller that has gone away does not want it.
        let _ = self.answer.send(answer);
    }
}
