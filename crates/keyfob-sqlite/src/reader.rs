use keyfob_store::StoreError;
use rusqlite::{Connection, Statement};

use crate::queue::Queue;
use crate::reads::Reads;
use crate::request::{Failure, Read};
use crate::{OpenError, TablePrefix};

/// A transaction is no longer than this many requests, so that a lookup does not wait for many
/// lists, nor the log's checkpoints for an old snapshot.
const MOST_READS: usize = 64;

/// A connection that answers reads: all that wait in one transaction.
///
/// What waits was sent before the transaction began, so each caller reads its own writes.
pub(crate) struct Reader<'c> {
    reads: Reads<'c>,
    begin: Statement<'c>,
    end: Statement<'c>,
    abandon: Statement<'c>,
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
            abandon: connection.prepare("ROLLBACK")?,
        })
    }

    /// Runs until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Queue<Read>) {
        while let Some(mut requests) = queue.take(MOST_READS) {
            requests.retain(|request| !request.is_abandoned());
            let begun = self.begin.execute([]).map(drop).map_err(Failure::from);
            if begun.is_ok() {
                self.reads.begin_snapshot();
                for request in &mut requests {
                    request.run(&mut self.reads);
                }
            }
            if begun.is_err() || self.end.execute([]).is_err() {
                // There is nothing to lose, and no transaction may be left open for the next one.
                let _ = self.abandon.execute([]);
            }
            // All at once: to wake an executor for each answer costs more than to look it up.
            for request in requests {
                request.settle(begun.as_ref().copied());
            }
        }
    }

    /// The end of the feed as it is now, outside of any transaction.
    pub(crate) fn end_of_feed(&mut self) -> Result<keyfob_store::FeedPosition, StoreError> {
        self.reads.end()
    }
}
