//! An empty database for a test, and a way into it past the store.

use keyfob_postgres::{OpenError, PostgresOptions, PostgresStore};
use keyfob_test_cluster::{Database, PostgresServer};
use tokio_postgres::{Client, Error, NoTls};

pub(crate) fn database() -> Database {
    PostgresServer::shared().unwrap().create_database().unwrap()
}

pub(crate) async fn open(database: &Database) -> PostgresStore {
    PostgresStore::open(database.socket_url()).await.unwrap()
}

pub(crate) async fn try_open(options: PostgresOptions) -> Result<PostgresStore, OpenError> {
    PostgresStore::open_with(options).await
}

/// A session of the superuser.
pub(crate) async fn session(database: &Database) -> Client {
    session_at(&database.socket_url()).await
}

pub(crate) async fn session_at(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn execute(database: &Database, sql: &str) -> Result<(), Error> {
    session(database).await.batch_execute(sql).await
}

/// Everything that is stored, as text.
pub(crate) async fn contents(database: &Database) -> String {
    let client = session(database).await;
    let mut contents = String::new();
    let tables = "SELECT table_name::text FROM information_schema.tables \
         WHERE table_schema = 'keyfob' ORDER BY 1";
    for table in client.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let rows = format!("SELECT t::text FROM keyfob.{table} t ORDER BY 1");
        for row in client.query(&rows, &[]).await.unwrap() {
            contents.extend([&*table, ": ", row.get(0), "\n"]);
        }
    }
    contents
}

/// Waits until a session waits for a lock that another has.
pub(crate) async fn until_one_waits(database: &Database) {
    let client = session(database).await;
    until("one waits for the lock", || async {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
             WHERE wait_event_type = 'Lock' AND datname = current_database()";
        client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
}

/// Waits until it is so, within ten seconds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !is_so().await {
        assert!(std::time::Instant::now() < deadline, "it took too long until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
