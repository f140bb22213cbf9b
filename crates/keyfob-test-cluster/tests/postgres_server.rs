//! A server is there when it is started, and answers by each way to it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use keyfob_test_cluster::{Database, PostgresServer};
use tokio_postgres::NoTls;

async fn answer(url: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0)
}

fn database() -> Database {
    PostgresServer::shared().unwrap().create_database().unwrap()
}

#[tokio::test]
async fn server_answers_over_tcp_and_over_its_socket() {
    let database = database();
    assert_eq!(answer(&database.url()).await, database.name());
    assert_eq!(answer(&database.socket_url()).await, database.name());
}

#[test]
fn each_database_is_a_new_one() {
    assert_ne!(database().name(), database().name());
}
