use std::time::Duration;

use keyfob_store::FeedPosition;
use rusqlite::{Connection, Statement};

use crate::connection::retry_while_busy;
use crate::queue::Queue;
use crate::request::{Failure, Write};
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
///
/// A write of many rows has a transaction to itself, and no savepoint. Within a savepoint SQLite
/// keeps every page as it was, in memory, and walks through them all at the end of each statement:
/// an import of 10,000 keys into a large file took 20 seconds.
pub(crate) struct Writer<'c> {
    connection: &'c Connection,
    writes: Writes<'c>,
    patience: Duration,
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
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
            rollback: connection.prepare("ROLLBACK")?,
            savepoint: connection.prepare("SAVEPOINT keyfob_write")?,
            release: connection.prepare("RELEASE keyfob_write")?,
            undo: connection.prepare("ROLLBACK TO keyfob_write")?,
        };
        // From here on `retry_while_busy` waits instead, in shorter naps.
        connection.busy_timeout(Duration::ZERO)?;
        Ok(writer)
    }

    /// Runs until the queue is closed and empty, and tells `committed` where the feed ends now.
    pub(crate) fn run(mut self, queue: &Queue<Write>, committed: impl Fn(FeedPosition)) {
        while let Some(mut requests) = queue.take(MOST_WRITES) {
            requests.retain(|request| !request.is_abandoned());
            for requests in apart(requests) {
                self.transact(requests, &committed);
            }
        }
    }

    fn transact(&mut self, mut requests: Vec<Write>, committed: &impl Fn(FeedPosition)) {
        let fate = self.run_and_commit(&mut requests);
        if fate.is_err() && !self.connection.is_autocommit() {
            // Should this fail too, the next BEGIN fails, and so does every write until it works.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if let Ok(Some(end)) = fate {
            committed(end);
        }
        let fate = fate.as_ref().map(|_| ());
        for request in requests {
            request.settle(fate);
        }
    }

    /// Tells where the feed ends now. An error is one of the whole transaction, with which none of
    /// the requests took place.
    fn run_and_commit(&mut self, requests: &mut [Write]) -> Result<Option<FeedPosition>, Failure> {
        retry_while_busy(self.connection, self.patience, || self.begin.execute([]))?;
        if let [request] = requests {
            if !self.run_one(request)? {
                self.rollback.execute([])?;
                return Ok(None);
            }
        } else {
            for request in requests {
                self.savepoint.execute([])?;
                if !self.run_one(request)? {
                    self.undo.execute([])?;
                }
                self.release.execute([])?;
            }
        }
        // Only a hint for those who wait, so not worth a failure.
        let end = self.writes.end().ok();
        retry_while_busy(self.connection, self.patience, || self.commit.execute([]))?;
        Ok(end)
    }

    fn run_one(&mut self, request: &mut Write) -> Result<bool, Failure> {
        let succeeded = request.run(&mut self.writes);
        // A full disk, among others, makes SQLite roll back everything and not just the statement.
        // To go on would be to write outside of a transaction.
        if self.connection.is_autocommit() {
            return Err(Failure::Refused(Refused::RolledBack));
        }
        Ok(succeeded)
    }
}

/// The requests in their order, in groups that share a transaction.
fn apart(requests: Vec<Write>) -> Vec<Vec<Write>> {
    let mut groups: Vec<Vec<Write>> = Vec::new();
    for request in requests {
        match groups.last_mut() {
            Some(group) if !request.is_bulk() && !group[0].is_bulk() => group.push(request),
            _ => groups.push(vec![request]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use keyfob_store::{
        Action, Actor, Attribution, Author, Details, NewEvent, StoreError, Timestamp,
    };

    use super::*;
    use crate::request::{self, Answered, Bulk};
    use crate::{connection, schema};

    fn append(writes: &mut Writes<'_>) -> Result<(), StoreError> {
        let event = NewEvent {
            organization: "acme".parse().unwrap(),
            action: Action::custom("organization.created").unwrap(),
            details: Details::new(),
        };
        let by: Attribution =
            Author::from(Actor::new("cli").unwrap()).at(Timestamp::from_micros(0));
        writes.append_event(event, by).map(drop)
    }

    type Work = fn(&mut Writes<'_>) -> Result<(), StoreError>;
    type Answer = Result<(), StoreError>;

    /// Runs some writes in one transaction. Returns their answers, how many events there are
    /// afterwards, and how many are when one more write has followed.
    fn transact<const N: usize>(works: [Work; N]) -> ([Answer; N], u64, u64) {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(directory.path().join("app.db"));
        let connection = connection::open(&options).unwrap();
        schema::prepare(&connection, &options).unwrap();
        let mut writer = Writer::prepare(&connection, &options).unwrap();
        let told = Cell::new(FeedPosition::START);
        let mut run = |works: &[Work]| -> Vec<Answered<()>> {
            let (requests, answers) =
                works.iter().map(|work| request::write(*work, Bulk::No)).unzip();
            writer.transact(requests, &|end| told.set(end));
            let end: i64 = connection
                .query_row("SELECT count(*) FROM keyfob_events", [], |row| row.get(0))
                .unwrap();
            assert_eq!(told.get().get(), u64::try_from(end).unwrap());
            answers
        };
        let answers = run(&works).into_iter().map(|mut answer| answer.try_recv().unwrap());
        let answers = answers.collect::<Vec<_>>().try_into().unwrap();
        let end = told.get().get();
        run(&[append]).remove(0).try_recv().unwrap().unwrap();
        (answers, end, told.get().get())
    }

    #[test]
    fn write_that_fails_takes_no_other_with_it() {
        let fail_late: Work = |writes| {
            append(writes)?;
            Err(StoreError::NotFound)
        };
        let (answers, end, _) = transact([append, fail_late, append]);
        assert!(matches!(answers, [Ok(()), Err(StoreError::NotFound), Ok(())]), "{answers:?}");
        assert_eq!(end, 2);
    }

    #[test]
    fn write_that_fails_alone_leaves_nothing() {
        let fail_late: Work = |writes| {
            append(writes)?;
            Err(StoreError::NotFound)
        };
        let (answers, end, after) = transact([fail_late]);
        assert!(matches!(answers, [Err(StoreError::NotFound)]), "{answers:?}");
        assert_eq!((end, after), (0, 1));
    }

    #[test]
    fn write_of_many_rows_shares_no_transaction() {
        let sizes = |bulks: &[Bulk]| -> Vec<usize> {
            let requests = bulks.iter().map(|bulk| request::write(append, *bulk).0).collect();
            apart(requests).iter().map(Vec::len).collect()
        };
        let (no, yes) = (Bulk::No, Bulk::Yes);
        assert_eq!(sizes(&[no, no, yes, yes, no, no, no]), [2, 1, 1, 3]);
        assert_eq!(sizes(&[]), [0; 0]);
    }

    #[test]
    fn failed_commit_is_the_answer_to_every_write_in_it() {
        // A deferred constraint is looked at when the transaction commits.
        let poison: Work = |writes| {
            let sql = "PRAGMA defer_foreign_keys = ON;
                INSERT INTO keyfob_secrets (key, generation, hash, hint, created_at)
                VALUES (9, 1, zeroblob(32), 'tk_live_00000000', 0)";
            writes.connection().execute_batch(sql).unwrap();
            Ok(())
        };
        let refuse: Work = |_| Err(StoreError::NotFound);
        let (answers, end, after) = transact([append, poison, refuse]);
        for answer in answers {
            assert!(matches!(answer, Err(StoreError::Internal(_))), "{answer:?}");
        }
        assert_eq!((end, after), (0, 1));
    }

    #[test]
    fn transaction_that_sqlite_rolls_back_is_not_gone_on_with() {
        let roll_back: Work = |writes| {
            writes.connection().execute_batch("ROLLBACK").unwrap();
            Ok(())
        };
        let (answers, end, after) = transact([append, roll_back, append]);
        for answer in answers {
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        }
        assert_eq!((end, after), (0, 1));
    }
}
