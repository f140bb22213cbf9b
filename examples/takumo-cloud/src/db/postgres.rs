mod migrations;
mod values;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use futures_util::TryStreamExt;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Client, GenericClient};

use super::DatabaseError;
use super::answer::{Answer, Row};
use super::statement::Statement;

/// The tables in a schema of PostgreSQL, through a pool of connections.
///
/// No statement is prepared under a name, and none sets anything that outlasts its transaction: two
/// in a row may run in different sessions, as PgBouncer gives them out in transaction mode.
#[derive(Clone)]
pub(crate) struct PostgresTables {
    pool: Pool,
    patience: Duration,
}

/// How long statements may take, with the wait for a connection. Theirs is given up then.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a server that is stopped amid a transaction may hold up the others.
const IDLE: &str = "SET LOCAL idle_in_transaction_session_timeout = '2s'";
/// How often statements are tried that another transaction got in the way of.
const ATTEMPTS: u32 = 5;

impl PostgresTables {
    /// Brings the tables up to date, if that is asked for, or else sees that they are.
    pub(super) async fn open(pool: Pool, migrate: bool) -> Result<Self, DatabaseError> {
        let tables = Self { pool, patience: PATIENCE };
        tables.with_client(async |client| migrations::apply(client, migrate).await).await?;
        Ok(tables)
    }

    pub(super) async fn run(&self, statements: &[Statement]) -> Result<Vec<Answer>, DatabaseError> {
        let mut attempt = 1;
        loop {
            match self.with_client(async |client| run_all(client, statements).await).await {
                // All of it was rolled back.
                Err(DatabaseError::Postgres(error))
                    if error.is_collision() && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    /// Lends a connection, which comes back unless it broke or did not answer in time.
    async fn with_client<T>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let deadline = Instant::now() + self.patience;
        let lent = timeout_at(deadline, self.pool.get()).await;
        let mut lent = lent.map_err(|_| DatabaseError::TimedOut)??;
        let answer = timeout_at(deadline, work(&mut lent)).await;
        let answer = answer.unwrap_or(Err(DatabaseError::TimedOut));
        if answer.as_ref().is_err_and(DatabaseError::ends_connection) {
            drop(Object::take(lent));
        }
        answer
    }
}

/// Whoever gives up waiting in between drops the transaction, which rolls it back.
async fn run_all(
    client: &mut Client,
    statements: &[Statement],
) -> Result<Vec<Answer>, DatabaseError> {
    if let [statement] = statements {
        return Ok(vec![run(client, statement).await?]);
    }
    let transaction = client.transaction().await?;
    transaction.batch_execute(IDLE).await?;
    let mut answers = Vec::with_capacity(statements.len());
    for statement in statements {
        answers.push(run(&transaction, statement).await?);
    }
    transaction.commit().await?;
    Ok(answers)
}

async fn run(client: &impl GenericClient, statement: &Statement) -> Result<Answer, DatabaseError> {
    let sql = in_postgres(statement.sql);
    let values = statement.values.iter().map(|value| (value, value.kind()));
    let mut found = pin!(client.query_typed_raw(&sql, values).await?);
    let mut columns: Arc<[String]> = Arc::new([]);
    let mut rows = Vec::new();
    while let Some(row) = found.try_next().await? {
        if rows.is_empty() {
            columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
        }
        let values = (0..row.len()).map(|column| row.try_get(column));
        let values = values.collect::<Result<_, _>>()?;
        rows.push(Row { columns: Arc::clone(&columns), values });
    }
    let written = found.rows_affected().unwrap_or_default();
    Ok(Answer { rows, written })
}

/// A statement as PostgreSQL spells it: `$1` for `?1`, and the schema for the prefix of the tables.
fn in_postgres(sql: &str) -> String {
    sql.replace('?', "$").replace("takumo_", "takumo.")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use keyfob_postgres::PostgresOptions;
    use keyfob_test_cluster::{Database, PostgresServer};

    use super::*;
    use crate::db::statement::values;

    fn database() -> Database {
        PostgresServer::shared().unwrap().create_database().unwrap()
    }

    fn pool(database: &Database) -> Pool {
        PostgresOptions::new(database.url()).pool(NonZeroUsize::MIN).unwrap()
    }

    fn raise_plan() -> Statement {
        Statement::new("UPDATE takumo_organizations SET plan = 'pro'", values![])
    }

    #[test]
    fn parameters_and_tables_are_spelled_as_postgres_does() {
        let sql = "UPDATE takumo_policies SET name = ?2 WHERE takumo_policies.name = ?1";
        let expected = "UPDATE takumo.policies SET name = $2 WHERE takumo.policies.name = $1";
        assert_eq!(in_postgres(sql), expected);
    }

    #[tokio::test]
    async fn lock_that_is_not_given_up_is_an_outage_and_costs_one_connection() {
        let database = database();
        let tables = PostgresTables::open(pool(&database), true).await.unwrap();
        let (mut other, connection) =
            tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let lock = other.transaction().await.unwrap();
        lock.batch_execute("LOCK TABLE takumo.organizations").await.unwrap();
        let impatient = PostgresTables { patience: Duration::from_millis(100), ..tables.clone() };
        let error = impatient.run(&[raise_plan()]).await.err().unwrap();
        assert!(matches!(error, DatabaseError::TimedOut) && error.is_transient());
        lock.rollback().await.unwrap();
        // The pool has one connection: it was replaced.
        tables.run(&[raise_plan()]).await.unwrap();
    }

    #[tokio::test]
    async fn connection_that_the_server_ended_is_replaced() {
        let database = database();
        let tables = PostgresTables::open(pool(&database), true).await.unwrap();
        let end = Statement::new("SELECT pg_terminate_backend(pg_backend_pid())", values![]);
        let error = tables.run(&[end]).await.err().unwrap();
        assert!(error.is_transient(), "{error:?}");
        tables.run(&[raise_plan()]).await.unwrap();
    }
}
