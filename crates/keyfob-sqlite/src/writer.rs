use std::time::Duration;

use keyfob_store::FeedPosition;
use rusqlite::{Connection, Statement};

use crate::connection::retry_while_busy;
use crate::queue::Queue;
use crate::request::{Failure, Unsettled, Write};
use crate::sqlite_error::Refused;
use crate::writes::Writes;
use crate::{OpenError, SqliteOptions};

/// A commit syncs the disk, whatever it holds: the more writes share one, the more a second has.
/// The bound keeps the first of them from waiting for ever more.
const MOST_WRITES: usize = 256;

/// The one connection that writes.
///
/// It takes all the writes that wait and runs them in one transaction, each in a savepoint of its
/// own, so that one that fails takes no other with it. Nobody is answered before the commit.
pub(crate) struct Writer<'c> {
    connection: &'c Connection,
    writes: Writes<'c>,
    patience: Duration,
    begin: Statement<'c>,
    commit: Statement<'c>,
    savepoint: Statement<'c>,
    release: Statement<'c>,
    undo: Statement<'c>,
}

impl<'c> Writer<'c> {
    pub(crate) fn prepare(
        connection: &'c Connection,
        options: &SqliteOptions,
    ) -> Result<Self, OpenError> {
        let writer = Self {
            connection,
            writes: Writes::prepare(connection, options.table_prefix())?,
            patience: options.busy_timeout(),
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            savepoint: connection.prepare("SAVEPOINT keyfob_write")?,
            release: connection.prepare("RELEASE keyfob_write")?,
            undo: connection.prepare("ROLLBACK TO keyfob_write")?,
        };
        // From here on `retry_while_busy` waits instead, in shorter naps.
        connection.busy_timeout(Duration::ZERO)?;
        Ok(writer)
    }

    /// Runs until the queue is closed and empty, and tells `committed` where the feed ends now.
    pub(crate) fn run(mut self, queue: &Queue<Box<dyn Write>>, committed: impl Fn(FeedPosition)) {
        while let Some(mut requests) = queue.take(MOST_WRITES) {
            requests.retain(|request| !request.is_abandoned());
            if !requests.is_empty() {
                self.transact(requests, &committed);
            }
        }
    }

    fn transact(&mut self, requests: Vec<Box<dyn Write>>, committed: &impl Fn(FeedPosition)) {
        let mut requests = requests.into_iter();
        let mut done = Vec::with_capacity(requests.len());
        let fate = self.run_and_commit(&mut requests, &mut done);
        if fate.is_err() && !self.connection.is_autocommit() {
            // Should this fail too, the next BEGIN fails, and so does every write until it works.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if let Ok(Some(end)) = fate {
            committed(end);
        }
        let fate = fate.as_ref().map(|_| ());
        for unsettled in done {
            unsettled.settle(fate);
        }
        if let Err(failure) = fate {
            requests.for_each(|request| request.fail(failure));
        }
    }

    /// Moves requests to `done` as it runs them, and tells where the feed ends. An error is one of
    /// the whole transaction, with which none of them took place.
    fn run_and_commit(
        &mut self,
        requests: &mut impl Iterator<Item = Box<dyn Write>>,
        done: &mut Vec<Box<dyn Unsettled>>,
    ) -> Result<Option<FeedPosition>, Failure> {
        retry_while_busy(self.patience, || self.begin.execute([]))?;
        for request in requests {
            if let Err(error) = self.savepoint.execute([]) {
                let failure = error.into();
                request.fail(&failure);
                return Err(failure);
            }
            let unsettled = request.run(&mut self.writes);
            let succeeded = unsettled.succeeded();
            done.push(unsettled);
            // A full disk, among others, makes SQLite roll back everything and not just the
            // statement. To go on would be to write outside of a transaction.
            if self.connection.is_autocommit() {
                return Err(Failure::Refused(Refused::RolledBack));
            }
            if !succeeded {
                self.undo.execute([])?;
            }
            self.release.execute([])?;
        }
        // Only a hint for those who wait, so not worth a failure.
        let end = self.writes.end().ok();
        retry_while_busy(self.patience, || self.commit.execute([]))?;
        Ok(end)
    }
}
