mod migrations;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, TransactionBehavior, params_from_iter};
use tokio::sync::{mpsc, oneshot};

use super::DatabaseError;
use super::answer::{Answer, Row};
use super::statement::{Statement, Value};

/// The tables in a SQLite file, on threads of their own, so that no async worker waits for the disk.
///
/// One connection writes. Others only read, so a read never waits for another's write. The last
/// clone to be dropped ends the threads.
#[derive(Clone)]
pub(crate) struct SqliteTables {
    writes: mpsc::Sender<Job>,
    reads: mpsc::Sender<Job>,
}

enum Job {
    Run(Vec<Statement>, oneshot::Sender<Result<Vec<Answer>, DatabaseError>>),
    Close,
}

/// The number of connections that only read.
const READERS: usize = 2;
/// The number of requests of each kind that may wait for a connection. The next one waits for a place.
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
        let (opened, outcome) = oneshot::channel();
        std::thread::Builder::new()
            .name("takumo-open".into())
            .spawn(move || {
                // The caller may have given up. Then the threads end with the value.
                let _ = opened.send(start(&path));
            })
            .map_err(DatabaseError::Thread)?;
        outcome.await.map_err(|_| DatabaseError::Stopped)?
    }

    pub(super) async fn run(
        &self,
        statements: Vec<Statement>,
    ) -> Result<Vec<Answer>, DatabaseError> {
        let jobs = if statements.iter().all(Statement::reads) { &self.reads } else { &self.writes };
        let (answer, outcome) = oneshot::channel();
        let job = Job::Run(statements, answer);
        jobs.send(job).await.map_err(|_| DatabaseError::Stopped)?;
        outcome.await.map_err(|_| DatabaseError::Stopped)?
    }

    pub(super) async fn close(&self) {
        for _ in 0..READERS {
            let _ = self.reads.send(Job::Close).await;
        }
        self.reads.closed().await;
        // The last connection to close tidies the log up, so that is the one that may write.
        let _ = self.writes.send(Job::Close).await;
        self.writes.closed().await;
    }
}

/// Brings the tables up to date, then starts the threads.
fn start(path: &Path) -> Result<SqliteTables, DatabaseError> {
    let mut writing = connect(path)?;
    migrations::apply(&mut writing)?;
    let (writes, queue) = mpsc::channel(QUEUE);
    spawn("takumo-write", writing, Arc::new(Mutex::new(queue)))?;
    let (reads, queue) = mpsc::channel(QUEUE);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..READERS {
        let reading = connect(path)?;
        reading.pragma_update(None, "query_only", true)?;
        spawn("takumo-read", reading, Arc::clone(&queue))?;
    }
    Ok(SqliteTables { writes, reads })
}

fn connect(path: &Path) -> Result<Connection, DatabaseError> {
    let mut connection = Connection::open(path)?;
    connection.busy_handler(Some(|asked| {
        std::thread::sleep(NAP);
        asked < ASKS
    }))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn spawn(
    name: &str,
    connection: Connection,
    queue: Arc<Mutex<mpsc::Receiver<Job>>>,
) -> Result<(), DatabaseError> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || work(connection, queue))
        .map(drop)
        .map_err(DatabaseError::Thread)
}

fn work(mut connection: Connection, queue: Arc<Mutex<mpsc::Receiver<Job>>>) {
    while let Some(Job::Run(statements, answer)) = take(&queue) {
        // The caller may have given up.
        let _ = answer.send(run_all(&mut connection, &statements));
    }
    // In this order: the end of the queue reports that the file is closed.
    drop(connection);
    drop(queue);
}

/// Waits for the next job. One thread waits for it and the others wait for that thread.
fn take(queue: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    // Nothing panics while it is held.
    queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

fn run_all(
    connection: &mut Connection,
    statements: &[Statement],
) -> Result<Vec<Answer>, DatabaseError> {
    if let [statement] = statements {
        return Ok(vec![run(connection, statement)?]);
    }
    // Reads need no lock, and several are of one snapshot.
    let kind = if statements.iter().all(Statement::reads) {
        TransactionBehavior::Deferred
    } else {
        TransactionBehavior::Immediate
    };
    let transaction = connection.transaction_with_behavior(kind)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::statement::values;

    /// Long enough for any machine: only a failure waits for it.
    const GUARD: Duration = Duration::from_secs(60);

    fn add(id: &str) -> Statement {
        let sql = "INSERT INTO takumo_organizations (id, name, plan, created_at) \
             VALUES (?1, ?1, 'free', 0)";
        Statement::new(sql, values![id.to_owned()])
    }

    fn count() -> Statement {
        Statement::new("SELECT count(*) AS n FROM takumo_organizations", values![])
    }

    async fn counted(tables: &SqliteTables) -> i64 {
        let answer = tables.run(vec![count()]).await.unwrap().remove(0);
        answer.one(|row| row.get::<i64>("n")).unwrap().unwrap()
    }

    #[tokio::test]
    async fn reads_do_not_wait_for_writes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("takumo.db");
        let other = Connection::open(&path).unwrap();
        other.pragma_update(None, "journal_mode", "wal").unwrap();
        let tables = SqliteTables::open(&path).await.unwrap();
        tables.run(vec![add("a")]).await.unwrap();
        // Another process holds the lock, so the write of one tenant waits.
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let read = async {
            let read = tokio::time::timeout(GUARD, counted(&tables)).await;
            let both = tables.run(vec![count(), count()]);
            let both = tokio::time::timeout(GUARD, both).await;
            other.execute_batch("COMMIT").unwrap();
            (read, both.map(|both| both.unwrap().len()))
        };
        let (written, (read, both)) = tokio::join!(biased; tables.run(vec![add("b")]), read);
        written.unwrap();
        assert_eq!((read, both), (Ok(1), Ok(2)));
        assert_eq!(counted(&tables).await, 2, "a read sees the writes that were answered before");
        tables.close().await;
    }

    #[tokio::test]
    async fn full_disk_is_an_outage() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("takumo.db");
        let connection = start(&path).map(drop).and_then(|()| connect(&path));
        let mut connection = connection.unwrap();
        connection.pragma_update(None, "max_page_count", 1).unwrap();
        let fill = (0..1_000).map(|n| add(&format!("{n:0200}"))).collect::<Vec<_>>();
        let error = run_all(&mut connection, &fill).err().unwrap();
        assert!(error.is_transient(), "{error:?}");
    }
}
