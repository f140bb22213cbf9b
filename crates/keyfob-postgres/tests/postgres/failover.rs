//! Servers that are killed, stopped or replaced under a store that is open, and replicas that stream.

use std::time::Duration;

use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_store::{FeedCursor, FoundState, KeyHash, KeyStore, StoreError};
use keyfob_test_cluster::{Database, PostgresServer, Proxy, ReplicaOptions};

use crate::database::{session, try_open, until};
use crate::sample::{by, insert, new_key, organization, try_insert};

fn primary() -> (PostgresServer, Database) {
    let server = PostgresServer::start(&keyfob_test_cluster::PostgresOptions::new()).unwrap();
    let database = server.create_database().unwrap();
    (server, database)
}

/// Whichever of the two takes writes.
fn either(database: &Database, standby: &PostgresServer) -> PostgresOptions {
    let url = database.url().replace('@', &format!("@127.0.0.1:{},", standby.port()));
    PostgresOptions::new(url + "?target_session_attrs=read-write")
        .with_timeout(Duration::from_secs(2))
}

async fn state(store: &PostgresStore, hash: KeyHash) -> Option<FoundState> {
    store.find(&[hash]).await.unwrap().all().unwrap()[0].as_ref().map(|found| found.state)
}

async fn writes_again(store: &PostgresStore) {
    until("the store writes again", || async {
        match try_insert(store, new_key(), keyfob_store::KeyLimit::Unlimited).await {
            Ok(_) => true,
            Err(error) => {
                assert!(error.is_transient(), "{error:?}");
                false
            }
        }
    })
    .await;
}

async fn statements(database: &Database) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keyfob' \
        AND query LIKE '%.find(%'";
    session(database).await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn streaming_replica_answers_what_it_has() {
    let (server, database) = primary();
    let replica = server.replica(&ReplicaOptions::new()).unwrap();
    let there = replica.database(database.name());
    let options = PostgresOptions::new(database.url())
        .with_replica(there.url())
        .with_replica_freshness(Duration::from_secs(60));
    let store = try_open(options).await.unwrap();
    let key = insert(&store).await;
    replica.catch_up_with(&server).unwrap();
    store.position().await.unwrap();
    assert_eq!(state(&store, key.secrets[0].hash).await, Some(FoundState::Active));
    assert_eq!((statements(&there).await, statements(&database).await), (1, 0));
    store.revoke(&organization(), key.id, None, by()).await.unwrap();
    for _ in 0..50 {
        assert_eq!(state(&store, key.secrets[0].hash).await, Some(FoundState::Revoked));
    }
}

#[tokio::test]
async fn replica_that_is_half_a_minute_behind_never_revives_a_revoked_key() {
    let (server, database) = primary();
    let other = try_open(PostgresOptions::new(database.url())).await.unwrap();
    let key = insert(&other).await;
    let delay = Duration::from_secs(30);
    let replica = server.replica(&ReplicaOptions::new().with_apply_delay(delay)).unwrap();
    let there = replica.database(database.name());
    let options = PostgresOptions::new(database.url())
        .with_replica(there.url())
        .with_replica_freshness(Duration::from_secs(60));
    let store = try_open(options).await.unwrap();
    // By another node: this one hears of it from the feed.
    other.revoke(&organization(), key.id, None, by()).await.unwrap();
    store.changes(FeedCursor::START, 10).await.unwrap();
    for _ in 0..50 {
        assert_eq!(state(&store, key.secrets[0].hash).await, Some(FoundState::Revoked));
    }
    assert!(statements(&there).await > 0, "the replica was asked");
}

#[tokio::test]
async fn server_that_was_killed_is_used_again() {
    let (server, database) = primary();
    let store = try_open(PostgresOptions::new(database.url())).await.unwrap();
    let key = insert(&store).await;
    store.revoke(&organization(), key.id, None, by()).await.unwrap();
    server.kill().unwrap();
    let hash = key.secrets[0].hash;
    assert!(store.find(&[hash]).await.unwrap_err().is_transient());
    server.restart().unwrap();
    writes_again(&store).await;
    assert_eq!(state(&store, hash).await, Some(FoundState::Revoked));
}

#[tokio::test]
async fn promoted_synchronous_standby_has_every_revocation_that_was_answered() {
    let (server, database) = primary();
    let standby = server.replica(&ReplicaOptions::new().synchronous()).unwrap();
    let store = try_open(either(&database, &standby)).await.unwrap();
    let mut revoked = Vec::new();
    for _ in 0..20 {
        let key = insert(&store).await;
        store.revoke(&organization(), key.id, None, by()).await.unwrap();
        revoked.push(key.secrets[0].hash);
    }
    let reached = store.position().await.unwrap();
    server.kill().unwrap();
    standby.promote().unwrap();
    writes_again(&store).await;
    for hash in revoked {
        assert_eq!(state(&store, hash).await, Some(FoundState::Revoked));
    }
    // Nothing was lost, so the feed goes on.
    assert!(!store.changes(reached, 10).await.unwrap().changes.is_empty());
}

/// The old primary takes connections still, and answers on none.
#[tokio::test]
async fn primary_that_stands_still_is_left_for_the_promoted_standby() {
    let (server, database) = primary();
    let standby = server.replica(&ReplicaOptions::new().synchronous()).unwrap();
    let store = try_open(either(&database, &standby)).await.unwrap();
    let key = insert(&store).await;
    store.revoke(&organization(), key.id, None, by()).await.unwrap();
    let paused = server.pause();
    standby.promote().unwrap();
    writes_again(&store).await;
    assert_eq!(state(&store, key.secrets[0].hash).await, Some(FoundState::Revoked));
    paused.resume();
}

#[tokio::test]
async fn failover_that_lost_commits_is_told_by_the_feed() {
    let (server, database) = primary();
    let between = Proxy::start(server.port()).unwrap();
    let streaming = ReplicaOptions::new().with_upstream_port(between.port());
    let standby = server.replica(&streaming).unwrap();
    let store = try_open(either(&database, &standby)).await.unwrap();
    let key = insert(&store).await;
    standby.catch_up_with(&server).unwrap();
    between.black_hole();
    store.revoke(&organization(), key.id, None, by()).await.unwrap();
    let (hash, reached) = (key.secrets[0].hash, store.position().await.unwrap());
    server.kill().unwrap();
    between.cut();
    standby.promote().unwrap();
    // The new history gets as far as the old one.
    writes_again(&store).await;
    let error = store.changes(reached, 10).await.unwrap_err();
    assert!(matches!(error, StoreError::FeedLost), "{error:?}");
    // What was lost is lost, and is made again.
    assert_eq!(state(&store, hash).await, Some(FoundState::Active));
    store.revoke(&organization(), key.id, None, by()).await.unwrap();
    assert_eq!(state(&store, hash).await, Some(FoundState::Revoked));
}
