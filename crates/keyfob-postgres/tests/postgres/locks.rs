use std::time::{Duration, Instant};

use keyfob_postgres::PostgresOptions;
use keyfob_store::{KeyLimit, KeyStore};
use tokio::task::JoinSet;

use crate::database::{database, execute, open, session, try_open, until_one_waits};
use crate::sample::{by, insert, new_key, organization, try_insert};

#[tokio::test]
async fn lock_that_is_not_had_in_time_is_unavailable_and_nothing_is_written() {
    let database = database();
    let options =
        || PostgresOptions::new(database.socket_url()).with_timeout(Duration::from_millis(300));
    let store = try_open(options()).await.unwrap();
    let key = insert(&store).await;
    let mut other = session(&database).await;
    let held = other.transaction().await.unwrap();
    held.batch_execute("SELECT FROM keyfob.head FOR UPDATE").await.unwrap();
    let before = Instant::now();
    let error = store.revoke(&organization(), key.id, None, by()).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(before.elapsed() < Duration::from_secs(3));
    // Lookups go on, and so does the usage.
    assert!(store.find(&[key.secrets[0].hash]).await.unwrap().all().unwrap()[0].is_some());
    held.rollback().await.unwrap();
    assert_eq!(store.get(&organization(), key.id).await.unwrap().state, key.state);
    store.revoke(&organization(), key.id, None, by()).await.unwrap();
}

/// A node that is stopped between the two halves of a write: its session is ended, and the others go on.
#[tokio::test]
async fn holder_of_the_lock_that_says_nothing_is_thrown_off() {
    let database = database();
    let store = open(&database).await;
    let stopped = session(&database).await;
    stopped
        .batch_execute(
            "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 300; \
             SELECT FROM keyfob.head FOR UPDATE",
        )
        .await
        .unwrap();
    insert(&store).await;
    stopped.batch_execute("COMMIT").await.unwrap_err();
}

#[tokio::test]
async fn transaction_of_the_store_sets_that_limit() {
    let database = database();
    let options = PostgresOptions::new(database.socket_url())
        .with_idle_in_transaction_timeout(Duration::from_millis(1_234));
    let store = try_open(options).await.unwrap();
    execute(
        &database,
        "CREATE TABLE seen (value text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO public.seen SELECT \
         current_setting('idle_in_transaction_session_timeout'); RETURN NEW; END $$; \
         CREATE TRIGGER see BEFORE INSERT ON keyfob.events FOR EACH ROW EXECUTE FUNCTION see()",
    )
    .await
    .unwrap();
    insert(&store).await;
    let client = session(&database).await;
    let seen: String = client.query_one("SELECT value FROM seen", &[]).await.unwrap().get(0);
    assert_eq!(seen, "1234ms");
    // And it is gone with the transaction.
    let left = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' \
         AND datname = current_database()";
    assert_eq!(client.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_share_a_transaction() {
    let database = database();
    let store = open(&database).await;
    insert(&store).await;
    let client = session(&database).await;
    let commits = "SELECT count(DISTINCT xmin::text) FROM keyfob.keys";
    let mut held = session(&database).await;
    let lock = held.transaction().await.unwrap();
    lock.batch_execute("SELECT FROM keyfob.head FOR UPDATE").await.unwrap();
    let mut running = JoinSet::new();
    for _ in 0..100 {
        let store = store.clone();
        running.spawn(async move { insert(&store).await });
    }
    until_one_waits(&database).await;
    lock.rollback().await.unwrap();
    running.join_all().await;
    let commits: i64 = client.query_one(commits, &[]).await.unwrap().get(0);
    assert!(commits <= 6, "101 keys in {commits} transactions");
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_is_met_exactly_by_many_nodes() {
    let database = database();
    let nodes = [open(&database).await, open(&database).await, open(&database).await];
    let mut running = JoinSet::new();
    for number in 0..90 {
        let node = nodes[number % 3].clone();
        running
            .spawn(async move { try_insert(&node, new_key(), KeyLimit::AtMost(7)).await.is_ok() });
    }
    let made = running.join_all().await.into_iter().filter(|made| *made).count();
    assert_eq!(made, 7);
}

/// What keyfob did not write, under a hash that somebody inserts: the others of its transaction are not taken along.
/// There is one thread, so each request is in the queue before anything is heard of the server again.
#[tokio::test]
async fn request_that_the_database_refuses_takes_no_other_with_it() {
    let database = database();
    let store = open(&database).await;
    execute(
        &database,
        "CREATE SEQUENCE refused; \
         CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM nextval('public.refused'); \
         RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END $$; \
         CREATE TRIGGER picky BEFORE INSERT ON keyfob.keys FOR EACH ROW \
         WHEN (NEW.name = 'bad') EXECUTE FUNCTION picky()",
    )
    .await
    .unwrap();
    let mut held = session(&database).await;
    let lock = held.transaction().await.unwrap();
    lock.batch_execute("SELECT FROM keyfob.head FOR UPDATE").await.unwrap();
    let mut running = JoinSet::new();
    for number in 0..20 {
        let (store, mut key) = (store.clone(), new_key());
        if number == 7 {
            key.name = "bad".parse().unwrap();
        }
        running.spawn(async move {
            (number, try_insert(&store, key, KeyLimit::Unlimited).await.is_ok())
        });
    }
    until_one_waits(&database).await;
    lock.rollback().await.unwrap();
    for (number, made) in running.join_all().await {
        assert_eq!(made, number != 7, "{number}");
    }
    let refused = session(&database).await.query_one("SELECT last_value FROM refused", &[]).await;
    assert_eq!(refused.unwrap().get::<_, i64>(0), 2, "once with the others, and once alone");
}
