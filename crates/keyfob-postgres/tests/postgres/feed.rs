use std::time::Duration;

use keyfob_postgres::PostgresOptions;
use keyfob_store::{Changed, FeedCursor, KeyId, KeyStore, StoreError};
use tokio::time::timeout;

use crate::database::{
    contents, database, execute, open, session, try_open, until, until_one_waits,
};
use crate::sample::{by, insert, organization};

async fn keys_told(store: &impl KeyStore, after: FeedCursor) -> (Vec<KeyId>, FeedCursor) {
    let told = store.changes(after, 1_000).await.unwrap();
    assert!(told.complete);
    let key = |changed: &Changed| match changed {
        Changed::Key { key, .. } => Some(*key),
        Changed::Organization(_) => None,
    };
    (told.changes.iter().filter_map(|change| key(&change.changed)).collect(), told.reached)
}

/// A write whose transaction is still open has no position that another could overtake: the other waits.
#[tokio::test]
async fn write_that_commits_late_is_not_skipped() {
    let database = database();
    let store = open(&database).await;
    let first = insert(&store).await;
    let mut writer = session(&database).await;
    for ends in ["COMMIT", "ROLLBACK"] {
        // By hand, what this store does: lock, write, and then take its time.
        let open = writer.transaction().await.unwrap();
        open.batch_execute("SELECT FROM keyfob.head FOR UPDATE").await.unwrap();
        open.batch_execute(
            "INSERT INTO keyfob.events (position, at, organization, action, actor, key, details) \
             SELECT max(position) + 1, 0, 'acme', 'key.edited', 'late', NULL, '{}' \
             FROM keyfob.events; \
             INSERT INTO keyfob.feed (position, written_at, organization, hashes) \
             SELECT max(position), 0, 'acme', '' FROM keyfob.events",
        )
        .await
        .unwrap();
        let (_, reached) = keys_told(&store, FeedCursor::START).await;
        let quick = tokio::spawn({
            let store = store.clone();
            async move { insert(&store).await }
        });
        until_one_waits(&database).await;
        let (none, still) = keys_told(&store, reached).await;
        assert_eq!((none.len(), still), (0, reached), "nothing is told before it commits");
        match ends {
            "COMMIT" => open.commit().await.unwrap(),
            _ => open.rollback().await.unwrap(),
        }
        let quick = quick.await.unwrap();
        let told = store.changes(reached, 10).await.unwrap();
        let expected = if ends == "COMMIT" { 2 } else { 1 };
        assert_eq!(told.changes.len(), expected, "{ends}");
        assert!(keys_told(&store, reached).await.0.contains(&quick.id));
    }
    assert_eq!(keys_told(&store, FeedCursor::START).await.0[0], first.id);
}

/// Its snapshot is old and its transaction id low: nothing of the feed goes by either.
#[tokio::test]
async fn long_transaction_of_the_embedder_holds_up_nothing() {
    let database = database();
    let store = open(&database).await;
    insert(&store).await;
    let mut embedder = session(&database).await;
    let long = embedder.transaction().await.unwrap();
    long.batch_execute("CREATE TABLE public.own (id integer); SELECT * FROM keyfob.keys")
        .await
        .unwrap();
    let (_, reached) = keys_told(&store, FeedCursor::START).await;
    let made = insert(&store).await;
    assert_eq!(keys_told(&store, reached).await.0, [made.id]);
    long.commit().await.unwrap();
    assert_eq!(keys_told(&store, reached).await.0, [made.id]);
}

#[tokio::test]
async fn commit_of_another_node_ends_the_wait() {
    let database = database();
    let (node, other) = (open(&database).await, open(&database).await);
    insert(&node).await;
    let (_, reached) = keys_told(&node, FeedCursor::START).await;
    // The listener says that there may be something when it begins to listen.
    for _ in 0..20 {
        let after = keys_told(&node, reached).await.1;
        let waiting = tokio::spawn({
            let node = node.clone();
            async move { node.wait(after.position()).await }
        });
        insert(&other).await;
        timeout(Duration::from_secs(5), waiting).await.expect("it is told").unwrap();
    }
}

#[tokio::test]
async fn notification_of_nonsense_makes_nobody_spin() {
    let database = database();
    let store = open(&database).await;
    insert(&store).await;
    for payload in ["", "x", "18446744073709551615"] {
        execute(&database, &format!("NOTIFY keyfob_changes, '{payload}'")).await.unwrap();
    }
    until("nobody is told any more", || async {
        let (_, reached) = keys_told(&store, FeedCursor::START).await;
        timeout(Duration::from_millis(50), store.wait(reached.position())).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn history_that_was_rewritten_is_lost_however_far_it_reaches() {
    for added in [0, 1, 2, 3, 5] {
        let database = database();
        let store = open(&database).await;
        for _ in 0..3 {
            insert(&store).await;
        }
        let (_, reached) = keys_told(&store, FeedCursor::START).await;
        // A standby that had not got the last two writes becomes the primary, and others write to it.
        execute(
            &database,
            "SET session_replication_role = replica; \
             DELETE FROM keyfob.feed WHERE position > 1; DELETE FROM keyfob.events WHERE position > 1",
        )
        .await
        .unwrap();
        let other = open(&database).await;
        for _ in 0..added {
            other.append_event(crate::sample::event(), by()).await.unwrap();
        }
        // Others read by the same store, whoever asks for nodes among them. Each has a cursor of its own.
        let neighbour = store.clone();
        neighbour.position().await.unwrap();
        keys_told(&neighbour, FeedCursor::START).await;
        for reader in [&store, &neighbour, &store] {
            let error = reader.changes(reached, 10).await.unwrap_err();
            assert!(matches!(error, StoreError::FeedLost), "{added}: {error:?}");
            reader.position().await.unwrap();
        }
        // Who starts anew follows the new history.
        let anew = store.position().await.unwrap();
        let made = insert(&other).await;
        assert_eq!(keys_told(&store, anew).await.0, [made.id]);
        until("the wait is a wait", || async {
            let (_, reached) = keys_told(&store, anew).await;
            timeout(Duration::from_millis(50), store.wait(reached.position())).await.is_err()
        })
        .await;
    }
}

#[tokio::test]
async fn store_that_tells_nobody_hears_of_its_own_commits() {
    let database = database();
    let options = PostgresOptions::new(database.socket_url()).without_notifications();
    let store = try_open(options).await.unwrap();
    let key = insert(&store).await;
    let (_, reached) = keys_told(&store, FeedCursor::START).await;
    store.revoke(&organization(), key.id, None, by()).await.unwrap();
    timeout(Duration::from_secs(5), store.wait(reached.position())).await.unwrap();
    assert!(contents(&database).await.contains("key.revoked"));
}
