//! The pooler is one that must be coped with: it keeps no session for its clients.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use keyfob_test_cluster::{PgBouncer, PgBouncerOptions, PostgresServer};
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn prepared_statement_is_not_there_in_the_next_transaction() {
    let server = PostgresServer::shared().unwrap();
    let database = server.create_database().unwrap();
    let pooler = PgBouncer::start(server, &PgBouncerOptions::new().with_pool_size(2)).unwrap();
    let url = pooler.url(&database);

    let one = connect(&url).await;
    let statement = one.prepare("SELECT 1").await.unwrap();
    one.query_one(&statement, &[]).await.unwrap();

    // Another client gets the session in which it was prepared, and keeps it.
    let other = connect(&url).await;
    other.batch_execute("BEGIN").await.unwrap();
    let error = one.query_one(&statement, &[]).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert!(error.message().contains("does not exist"), "{error}");
}

#[tokio::test]
async fn role_that_the_server_has_comes_through() {
    let server = PostgresServer::shared().unwrap();
    let database = server.create_database().unwrap();
    server.sql(database.name(), "CREATE ROLE visitor LOGIN").unwrap();
    let pooler = PgBouncer::start(server, &PgBouncerOptions::new()).unwrap();
    let url = pooler.url(&database).replace("postgres@", "visitor@");
    let rows = connect(&url).await.simple_query("SELECT current_user").await.unwrap();
    assert!(format!("{rows:?}").contains("visitor"), "{rows:?}");
}
