use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deadpool_postgres::ClientWrapper;
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::PostgresError;
use crate::database::{Database, Value, within};

/// A few connections that all lookups share. Each carries many at once: a statement is sent without waiting for
/// the answers to those before it.
pub(crate) struct Lanes {
    database: Database,
    connections: Box<[Lane]>,
    next: AtomicUsize,
    /// Whether statements are prepared, and by that tied to a connection of the server's.
    prepared: bool,
}

/// One connection, made when it is first needed and again when it has failed.
#[derive(Default)]
struct Lane {
    client: Mutex<Option<Arc<ClientWrapper>>>,
    /// Of those who find it broken, one connects.
    connecting: tokio::sync::Mutex<()>,
}

impl Lanes {
    pub(crate) fn new(database: Database, connections: usize, prepared: bool) -> Self {
        let connections = (0..connections).map(|_| Lane::default()).collect();
        Self { database, connections, next: AtomicUsize::new(0), prepared }
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
        let client = lane.client(&self.database, deadline).await?;
        let answer = if self.prepared {
            within(deadline, prepared(&client, sql, values)).await
        } else {
            within(deadline, client.query_typed(sql, values)).await
        };
        if answer.as_ref().is_err_and(PostgresError::ends_connection) {
            lane.give_up(&client);
        }
        answer
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

impl Lane {
    async fn client(
        &self,
        database: &Database,
        deadline: Instant,
    ) -> Result<Arc<ClientWrapper>, PostgresError> {
        if let Some(client) = self.current() {
            return Ok(client);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(client) = self.current() {
            return Ok(client);
        }
        let client = Arc::new(database.connect(deadline).await?);
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
