//! Each fault does what it says, and a server is there again after it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use keyfob_test_cluster::{Database, PostgresOptions, PostgresServer, Proxy};
use tokio::time::timeout;
use tokio_postgres::{Client, Error, NoTls};

/// Longer than a healthy server takes, by far.
const LONG: Duration = Duration::from_secs(20);
/// Long enough to see that no answer comes.
const SHORT: Duration = Duration::from_millis(300);

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn answers(client: &Client) -> bool {
    timeout(LONG, client.simple_query("SELECT 1")).await.unwrap().is_ok()
}

fn shared() -> (&'static PostgresServer, Database) {
    let server = PostgresServer::shared().unwrap();
    (server, server.create_database().unwrap())
}

fn proxied() -> (Proxy, Database) {
    let (server, database) = shared();
    (Proxy::start(server.port()).unwrap(), database)
}

#[tokio::test]
async fn killed_server_comes_back_with_what_it_had_committed() {
    let server = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let database = server.create_database().unwrap();
    let client = connect(&database.url()).await.unwrap();
    client.batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").await.unwrap();
    server.kill().unwrap();
    assert!(!answers(&client).await);
    assert!(connect(&database.url()).await.is_err());
    server.restart().unwrap();
    assert_eq!(server.sql(database.name(), "SELECT n FROM kept").unwrap(), "7");
}

#[tokio::test]
async fn stopped_server_refuses_connections_until_it_is_restarted() {
    let server = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let database = server.create_database().unwrap();
    server.stop().unwrap();
    assert!(connect(&database.url()).await.is_err());
    server.restart().unwrap();
    assert!(answers(&connect(&database.url()).await.unwrap()).await);
}

#[tokio::test]
async fn paused_server_is_silent_and_then_answers() {
    let server = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let client = connect(&server.database("postgres").url()).await.unwrap();
    let paused = server.pause();
    let answer = client.simple_query("SELECT 1");
    tokio::pin!(answer);
    assert!(timeout(SHORT, &mut answer).await.is_err());
    paused.resume();
    timeout(LONG, answer).await.unwrap().unwrap();
}

#[tokio::test]
async fn paused_server_can_be_dropped() {
    let server = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let directory = server.socket_directory().to_owned();
    let paused = server.pause();
    let since = Instant::now();
    drop(server);
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    assert!(!directory.exists());
    drop(paused);
}

#[tokio::test]
async fn terminated_session_ends_with_an_error() {
    let server = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let client = connect(&server.database("postgres").url()).await.unwrap();
    assert_eq!(server.terminate_connections().unwrap(), 1);
    assert!(!answers(&client).await);
}

#[tokio::test]
async fn cut_ends_connections_and_refuses_new_ones_until_it_is_healed() {
    let (proxy, database) = proxied();
    let client = connect(&proxy.url(&database)).await.unwrap();
    assert!(answers(&client).await);
    proxy.cut();
    assert!(!answers(&client).await);
    assert!(timeout(LONG, connect(&proxy.url(&database))).await.unwrap().is_err());
    proxy.heal();
    assert!(answers(&connect(&proxy.url(&database)).await.unwrap()).await);
}

#[tokio::test]
async fn cut_that_is_healed_at_once_still_ends_connections() {
    let (proxy, database) = proxied();
    let client = connect(&proxy.url(&database)).await.unwrap();
    proxy.cut();
    proxy.heal();
    assert!(!answers(&client).await);
    let client = connect(&proxy.url(&database)).await.unwrap();
    proxy.reset_connections();
    assert!(!answers(&client).await);
}

#[tokio::test]
async fn delay_holds_in_both_directions_and_not_for_each_of_many_requests() {
    let delay = Duration::from_millis(100);
    let (proxy, database) = proxied();
    let client = connect(&proxy.url(&database)).await.unwrap();
    proxy.delay(delay);
    let since = Instant::now();
    assert!(answers(&client).await);
    assert!(since.elapsed() >= 2 * delay, "{:?}", since.elapsed());

    let since = Instant::now();
    let one = async || assert!(answers(&client).await);
    tokio::join!(one(), one(), one(), one(), one(), one(), one(), one(), one(), one());
    assert!(since.elapsed() < 10 * delay, "{:?}", since.elapsed());
}

#[tokio::test]
async fn black_hole_swallows_in_silence_and_lets_all_arrive_when_it_is_healed() {
    let (proxy, database) = proxied();
    let url = proxy.url(&database);
    let client = connect(&url).await.unwrap();
    proxy.black_hole();
    let answer = client.simple_query("SELECT 1");
    let new = connect(&url);
    tokio::pin!(answer, new);
    assert!(timeout(SHORT, &mut answer).await.is_err());
    assert!(timeout(SHORT, &mut new).await.is_err());
    proxy.heal();
    timeout(LONG, answer).await.unwrap().unwrap();
    assert!(answers(&timeout(LONG, new).await.unwrap().unwrap()).await);
}

#[tokio::test]
async fn answer_to_a_commit_is_lost_and_the_commit_is_not() {
    let (proxy, database) = proxied();
    let mut client = connect(&proxy.url(&database)).await.unwrap();
    client.batch_execute("CREATE TABLE kept (n int)").await.unwrap();
    proxy.lose_next_commit();
    let transaction = client.transaction().await.unwrap();
    transaction.execute("INSERT INTO kept VALUES (1)", &[]).await.unwrap();
    assert_eq!(proxy.lost_answers(), 0);
    timeout(LONG, transaction.commit()).await.unwrap().unwrap_err();
    assert_eq!(proxy.lost_answers(), 1);

    // Once only; and a statement that is its own transaction has its own tag.
    let client = connect(&proxy.url(&database)).await.unwrap();
    client.batch_execute("BEGIN; INSERT INTO kept VALUES (2); COMMIT").await.unwrap();
    proxy.lose_next_answer("INSERT");
    timeout(LONG, client.execute("INSERT INTO kept VALUES (3)", &[])).await.unwrap().unwrap_err();
    assert_eq!(proxy.lost_answers(), 2);
    let (server, _) = shared();
    assert_eq!(server.sql(database.name(), "SELECT sum(n) FROM kept").unwrap(), "6");
}

#[tokio::test]
async fn new_connections_go_to_the_new_target() {
    let (proxy, database) = proxied();
    let other = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let old = connect(&proxy.url(&database)).await.unwrap();
    proxy.retarget(other.port());
    let new = connect(&proxy.url(&other.database("postgres"))).await.unwrap();
    let port = async |client: &Client| {
        let row = client.query_one("SELECT inet_server_port()", &[]).await.unwrap();
        row.get::<_, i32>(0)
    };
    assert_eq!(port(&new).await, i32::from(other.port()));
    assert_eq!(port(&old).await, i32::from(shared().0.port()));
}
