use keyfob_store::StoreError;
use rusqlite::{Connection, Statement};

use crate::SqliteError;
use crate::queue::Queue;
use crate::reads::Reads;
use crate::request::Read;
use crate::{OpenError, TablePrefix};

/// A transaction is no longer than this many requests, so that no snapshot holds back the log's
/// checkpoints for long.
const MOST_READS: usize = 256;

/// A connection that answers reads: all that wait in one transaction.
///
/// What waits was sent before the transaction began, so each caller reads its own writes.
pub(crate) struct Reader<'c> {
    reads: Reads<'c>,
    begin: Statement<'c>,
    end: Statement<'c>,
}

impl<'c> Reader<'c> {
    pub(crate) fn prepare(
        connection: &'c Connection,
        prefix: &TablePrefix,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            reads: Reads::prepare(connection, prefix)?,
            begin: connection.prepare("BEGIN")?,
            end: connection.prepare("COMMIT")?,
        })
    }

    /// Runs until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Queue<Box<dyn Read>>) {
        while let Some(requests) = queue.take(MOST_READS) {
            let begun = self.begin.execute([]).map_err(SqliteError::from);
            self.reads.begin_snapshot();
            let run = |request: Box<dyn Read>| request.run(begun.as_ref().map(|_| &mut self.reads));
            let done: Vec<_> = requests.into_iter().filter_map(run).collect();
            // A read transaction has nothing to lose; what fails here fails at the next BEGIN.
            let _ = self.end.execute([]);
            // Only now: a caller that is woken takes a processor, and asks the next reader for so
            // little that there is nothing to share a transaction with.
            for unsettled in done {
                unsettled.settle(Ok(()));
            }
        }
    }

    /// The end of the feed as it is now, outside of any transaction.
    pub(crate) fn end_of_feed(&mut self) -> Result<keyfob_store::FeedPosition, StoreError> {
        self.reads.end()
    }
}
