mod migrations;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, TransactionBehavior, params_from_iter};
use tokio::sync::{mpsc, oneshot};

use super::DatabaseError;
use super::answer::{Answer, Row};
use super::statement::{Statement, Value};

/// The tables in a SQLite file: one connection on a thread of its own, so that no async worker waits
/// for the disk, by the other end of its queue. The last clone to be dropped ends the thread.
#[derive(Clone)]
pub(crate) struct SqliteTables {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Run(Vec<Statement>, oneshot::Sender<Result<Vec<Answer>, DatabaseError>>),
    Close,
}

/// How many requests may wait for the connection before the next one waits for a place.
const QUEUE: usize = 256;
/// How often it is asked whether another process still writes: for 5 seconds, and longer where the
/// processor is scarce.
const ASKS: i32 = 5_000;
/// Between them. SQLite's own handler naps for up to 100 ms, in which keyfob's writer has the lock
/// dozens of times.
const NAP: Duration = Duration::from_millis(1);

impl SqliteTables {
    pub(super) async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let path = path.to_owned();
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (opened, outcome) = oneshot::channel();
        std::thread::Builder::new()
            .name("takumo-database".into())
            .spawn(move || match connect(&path) {
                Ok(connection) => {
                    if opened.send(Ok(())).is_ok() {
                        work(connection, queue);
                    }
                }
                // Whoever waited may have given up; there is nobody else to tell.
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(DatabaseError::Thread)?;
        outcome.await.map_err(|_| DatabaseError::Stopped)??;
        Ok(Self { jobs })
    }

    pub(super) async fn run(
        &self,
        statements: Vec<Statement>,
    ) -> Result<Vec<Answer>, DatabaseError> {
        let (answer, outcome) = oneshot::channel();
        let job = Job::Run(statements, answer);
        self.jobs.send(job).await.map_err(|_| DatabaseError::Stopped)?;
        outcome.await.map_err(|_| DatabaseError::Stopped)?
    }

    pub(super) async fn close(&self) {
        if self.jobs.send(Job::Close).await.is_ok() {
            self.jobs.closed().await;
        }
    }
}

fn connect(path: &Path) -> Result<Connection, DatabaseError> {
    let mut connection = Connection::open(path)?;
    connection.busy_handler(Some(|asked| {
        std::thread::sleep(NAP);
        asked < ASKS
    }))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrations::apply(&mut connection)?;
    Ok(connection)
}

fn work(mut connection: Connection, mut queue: mpsc::Receiver<Job>) {
    while let Some(Job::Run(statements, answer)) = queue.blocking_recv() {
        // Whoever asked may have given up.
        let _ = answer.send(run_all(&mut connection, &statements));
    }
    // In this order: that the queue is gone tells that the file is closed.
    drop(connection);
    drop(queue);
}

fn run_all(
    connection: &mut Connection,
    statements: &[Statement],
) -> Result<Vec<Answer>, DatabaseError> {
    if let [statement] = statements {
        return Ok(vec![run(connection, statement)?]);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let answers = statements.iter().map(|statement| run(&transaction, statement));
    let answers = answers.collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(answers)
}

fn run(connection: &Connection, statement: &Statement) -> Result<Answer, DatabaseError> {
    let mut prepared = connection.prepare(statement.sql)?;
    let columns: Arc<[String]> = prepared.column_names().map(str::to_owned).collect();
    let mut found = prepared.query(params_from_iter(&statement.values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..columns.len()).map(|column| value(row.get_ref(column)?));
        let values = values.collect::<Result<_, DatabaseError>>()?;
        rows.push(Row { columns: Arc::clone(&columns), values });
    }
    drop(found);
    // After a statement that only reads, this would be the number of the one before.
    let written = if prepared.readonly() { 0 } else { connection.changes() };
    Ok(Answer { rows, written })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Null => Ok(ToSqlOutput::Borrowed(ValueRef::Null)),
            Self::Flag(flag) => flag.to_sql(),
            Self::Integer(integer) => integer.to_sql(),
            Self::Text(text) => text.to_sql(),
            Self::Blob(bytes) => bytes.to_sql(),
        }
    }
}

fn value(value: ValueRef<'_>) -> Result<Value, DatabaseError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(integer) => Ok(Value::Integer(integer)),
        ValueRef::Text(text) => String::from_utf8(text.to_owned())
            .map(Value::Text)
            .map_err(|_| DatabaseError::Corrupt("text that is no UTF-8")),
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_owned())),
        ValueRef::Real(_) => Err(DatabaseError::Corrupt("a number that is no integer")),
    }
}
