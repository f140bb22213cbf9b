use std::sync::Arc;
use std::time::Duration;

use keyfob_store::FeedPosition;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::columns::Columns;
use super::failed::Failed;
use super::load::{Load, Named};
use super::needs::Needs;
use super::request::{Request, Sharing};
use super::save::Save;
use crate::database::{Database, Lent};
use crate::horizon::Horizon;
use crate::pipeline::{self, Step};
use crate::planning;
use crate::postgres_error::Refused;
use crate::{PostgresError, PostgresOptions};

/// A transaction is no larger than this many requests, so that the first of them does not wait for ever more,
/// nor other nodes for the lock.
const MOST_WRITES: usize = 256;

/// How often old entries of the feed are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(10);

/// Writes what the requests of this store come to: all that wait in one transaction.
///
/// A transaction is two round trips, however many requests it has: the first takes the lock and reads what they
/// name, the second writes what they came to and commits. In between each is decided in memory, on what those
/// before it have changed already; one that is refused changes nothing. Nobody is answered before the commit.
///
/// It is READ COMMITTED, and needs no more. Everything that a decision rests upon is read after the lock was had, by
/// a statement that sees all that committed before it began; and nobody else changes any of it until the commit.
pub(crate) struct Writer {
    database: Database,
    horizon: Arc<Horizon>,
    load: Load,
    save: Save,
    begin: String,
    begin_long: String,
    timeout: Duration,
    long_timeout: Duration,
    pruned_at: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(
        options: &PostgresOptions,
        notifies: bool,
        database: Database,
        horizon: Arc<Horizon>,
    ) -> Self {
        let schema = &options.schema;
        let begin = |timeout: Duration| begin(timeout, options.idle_in_transaction_timeout);
        let retention = i64::try_from(options.feed_retention.as_micros()).unwrap_or(i64::MAX);
        Self {
            database,
            horizon,
            load: Load::new(schema),
            save: Save::new(schema, notifies, retention),
            begin: begin(options.timeout),
            begin_long: begin(options.import_timeout),
            timeout: options.timeout,
            long_timeout: options.import_timeout,
            pruned_at: None,
        }
    }

    /// Runs until the queue is closed and empty.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Request>>) {
        let mut requests = Vec::new();
        let mut last = 0;
        while queue.recv_many(&mut requests, MOST_WRITES).await > 0 {
            // Many who were answered by one commit write again at once. The first of them lets the others come along,
            // and does not have a transaction alone while they wait for the next.
            if last > 1 {
                tokio::task::yield_now().await;
                while requests.len() < MOST_WRITES
                    && let Ok(request) = queue.try_recv()
                {
                    requests.push(request);
                }
            }
            requests.retain(|request| !request.is_abandoned());
            last = requests.len();
            for group in apart(requests.drain(..)) {
                self.transact(group).await;
            }
        }
    }

    async fn transact(&mut self, mut group: Vec<Box<dyn Request>>) {
        let fate = self.try_transact(&mut group).await;
        if group.len() > 1 && fate.as_ref().is_err_and(is_of_one_request) {
            // One of them contradicts what something else than keyfob has written. Alone, each gets its due.
            for request in group {
                let mut alone = vec![request];
                let fate = self.try_transact(&mut alone).await;
                settle(alone, &fate);
            }
        } else {
            settle(group, &fate);
        }
    }

    /// Decides and writes a group. An error is one of the whole transaction, with which none of the requests took
    /// place; or it may have, where the answer to the commit was lost.
    async fn try_transact(&mut self, group: &mut [Box<dyn Request>]) -> Result<(), Failed> {
        let is_long = group.iter().any(|request| request.sharing() == Sharing::AloneAndLong);
        let timeout = if is_long { self.long_timeout } else { self.timeout };
        let deadline = Instant::now() + timeout;
        let mut lent = self.database.lend(deadline).await?;
        let work = self.write(&lent, group, is_long);
        match timeout_at(deadline, work).await {
            Ok(Ok(Some(end))) => {
                self.horizon.saw(end);
                Ok(())
            }
            Ok(Ok(None)) => end(&mut lent).await,
            Ok(Err(failed)) => {
                match &failed {
                    // The transaction failed, and the connection did not.
                    Failed::Server(error) if !error.ends_connection() => {
                        end(&mut lent).await?;
                    }
                    _ => lent.give_up(),
                }
                Err(failed)
            }
            Err(_) => {
                lent.give_up();
                Err(PostgresError::connection(Refused::Deadline.to_string()).into())
            }
        }
    }

    /// `None` when there was nothing to commit.
    async fn write(
        &mut self,
        lent: &Lent,
        group: &mut [Box<dyn Request>],
        is_long: bool,
    ) -> Result<Option<FeedPosition>, Failed> {
        let mut needs = Needs::default();
        for request in &*group {
            request.needs(&mut needs);
        }
        let named = Named::new(&needs, group.len());
        let begin = if is_long { &self.begin_long } else { &self.begin };
        let mut steps = vec![Step::Batch(begin)];
        steps.extend(self.load.steps(&named));
        let client = lent.client()?;
        let mut answers = pipeline::run(client, steps).await?;
        let mut set = Load::working_set(&named, answers.split_off(1))?;

        for request in &mut *group {
            request.decide(&mut set);
        }
        let all_or_nothing = is_long && group.iter().any(|request| request.has_failed());
        if set.difference.is_empty() || all_or_nothing {
            return Ok(None);
        }
        let now = Instant::now();
        let prune = self.pruned_at.is_none_or(|at| now.duration_since(at) >= PRUNE_EVERY);
        let columns = Columns::new(&set)?;
        pipeline::run(client, self.save.steps(&columns, prune)).await?;
        if prune {
            self.pruned_at = Some(now);
        }
        Ok(Some(set.position()))
    }
}

/// Begins. What is set is set for the transaction, and gone with it: how long it may take, and how its statements
/// are planned, those of triggers too.
fn begin(timeout: Duration, idle: Duration) -> String {
    let (timeout, idle) = (timeout.as_millis(), idle.as_millis());
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL lock_timeout = {timeout}; SET LOCAL statement_timeout = {timeout}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}; {}",
        planning::OF_TRANSACTION
    )
}

/// Ends a transaction that has nothing to commit.
async fn end(lent: &mut Lent) -> Result<(), Failed> {
    lent.batch("ROLLBACK").await.map_err(Failed::from)
}

/// A row that contradicts another, or a trigger that refused one.
fn is_of_one_request(failed: &Failed) -> bool {
    let is_violation =
        |error: &PostgresError| error.code().is_some_and(|code| code.starts_with("23"));
    matches!(failed, Failed::Server(error) if is_violation(error))
}

fn settle(group: Vec<Box<dyn Request>>, fate: &Result<(), Failed>) {
    for request in group {
        request.settle(fate.as_ref().copied());
    }
}

/// The requests in their order, in groups that share a transaction.
fn apart(requests: impl Iterator<Item = Box<dyn Request>>) -> Vec<Vec<Box<dyn Request>>> {
    let mut groups: Vec<Vec<Box<dyn Request>>> = Vec::new();
    for request in requests {
        let shares = |other: &dyn Request| other.sharing() == Sharing::WithOthers;
        match groups.last_mut() {
            Some(group) if shares(&*request) && shares(&*group[0]) => group.push(request),
            _ => groups.push(vec![request]),
        }
    }
    groups
}
