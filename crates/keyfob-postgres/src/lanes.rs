use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::PostgresError;
use crate::database::{Database, Value, within};
use crate::planning;
use crate::postgres_error::Refused;

/// A few connections that all lookups share.
///
/// Straight to the server, each carries many at once: a statement is prepared, and sent without waiting for the
/// answers to those before it. Where a pooler may lie between, it carries one at a time and nothing is prepared. A
/// pooler in transaction mode takes a session to be free when it has answered, whatever was sent behind that: if
/// the client leaves just then, PgBouncer 1.18 may hand the session, and the answers still to come, to another.
pub(crate) struct Lanes {
    database: Database,
    connections: Box<[Lane]>,
    next: AtomicUsize,
    is_direct: bool,
}

/// One connection, made when it is first needed and again when it has failed.
#[derive(Default)]
struct Lane {
    client: Mutex<Option<Arc<ClientWrapper>>>,
    /// Of those who find it broken, one connects; and where it carries one statement at a time, one asks.
    turn: tokio::sync::Mutex<()>,
}

impl Lanes {
    pub(crate) fn new(database: Database, connections: usize, is_direct: bool) -> Self {
        let connections = (0..connections).map(|_| Lane::default()).collect();
        Self { database, connections, next: AtomicUsize::new(0), is_direct }
    }

    /// Asks one statement that reads, on the lanes in turn. When the connection breaks under it, it is asked
    /// once more.
    pub(crate) async fn query(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, PostgresError> {
        let deadline = self.database.deadline();
        match self.query_once(sql, values, deadline).await {
            Err(error) if error.ends_connection() && Instant::now() < deadline => {
                self.query_once(sql, values, deadline).await
            }
            answer => answer,
        }
    }

    async fn query_once(
        &self,
        sql: &str,
        values: &[Value<'_>],
        deadline: Instant,
    ) -> Result<Vec<Row>, PostgresError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let lane = &self.connections[turn % self.connections.len()];
        let Ok(turn) = timeout_at(deadline, lane.turn.lock()).await else {
            return Err(PostgresError::connection(Refused::Deadline.to_string()));
        };
        let client = lane.client(self, deadline).await?;
        // Who shares the connection does not wait for others' answers.
        let _turn = (!self.is_direct).then_some(turn);
        let patience = if self.is_direct { PATIENCE } else { Duration::ZERO };
        let mut question =
            Question { lane, client: &client, asked: Instant::now(), patience, open: true };
        let answer = if self.is_direct {
            within(deadline, prepared(&client, sql, values)).await
        } else {
            within(deadline, client.query_typed(sql, values)).await
        };
        question.open = false;
        if answer.as_ref().is_err_and(PostgresError::ends_connection) {
            lane.give_up(&client);
        }
        answer
    }

    /// Whether statements are prepared.
    pub(crate) const fn prepares(&self) -> bool {
        self.is_direct
    }

    /// Closes every connection, when those who wait on it have their answers.
    pub(crate) fn close(&self) {
        for lane in &self.connections {
            *lane.lock() = None;
        }
        self.database.close();
    }
}

async fn prepared(
    client: &ClientWrapper,
    sql: &str,
    values: &[Value<'_>],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let types: Vec<_> = values.iter().map(|(_, of)| of.clone()).collect();
    let statement = client.prepare_typed_cached(sql, &types).await?;
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|(value, _)| *value).collect();
    client.query(&statement, &values).await
}

/// A statement that was sent. Who asked may lose patience before there is an answer, and before the deadline: then
/// the connection may well be dead, and the next lookup is better off with another. One that carries a statement
/// at a time is given up however soon that was: the answer is still to come.
struct Question<'q> {
    lane: &'q Lane,
    client: &'q Arc<ClientWrapper>,
    asked: Instant,
    patience: Duration,
    /// Whether there is no answer yet.
    open: bool,
}

/// Who goes away sooner from a connection that others share has other reasons.
const PATIENCE: Duration = Duration::from_millis(200);

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.open && self.asked.elapsed() >= self.patience {
            self.lane.give_up(self.client);
        }
    }
}

impl Lane {
    /// For whoever has the turn.
    async fn client(
        &self,
        lanes: &Lanes,
        deadline: Instant,
    ) -> Result<Arc<ClientWrapper>, PostgresError> {
        if let Some(client) = self.current() {
            return Ok(client);
        }
        let client = Arc::new(lanes.database.connect(deadline).await?);
        if lanes.is_direct {
            within(deadline, client.batch_execute(planning::OF_SESSION)).await?;
        }
        *self.lock() = Some(client.clone());
        Ok(client)
    }

    fn current(&self) -> Option<Arc<ClientWrapper>> {
        self.lock().clone().filter(|client| !client.is_closed())
    }

    /// The next lookup connects anew, if nobody has done so already.
    fn give_up(&self, failed: &Arc<ClientWrapper>) {
        let mut client = self.lock();
        if client.as_ref().is_some_and(|client| Arc::ptr_eq(client, failed)) {
            *client = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<ClientWrapper>>> {
        // Nothing panics while it is held, so it guards a whole state.
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
