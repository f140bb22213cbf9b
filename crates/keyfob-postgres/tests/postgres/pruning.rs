use std::time::Duration;

use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_store::{EventQuery, FeedCursor, FeedPosition, KeyStore, PageSize, StoreError};
use keyfob_test_cluster::Database;

use uuid::Uuid;

use crate::database::{database, execute, open, session, try_open};
use crate::sample::{insert, organization};

/// A store that keeps nothing of the feed for longer than this.
async fn forgetful(database: &Database, retention: Duration) -> PostgresStore {
    let options = PostgresOptions::new(database.socket_url()).with_feed_retention(retention);
    try_open(options).await.unwrap()
}

async fn kept(database: &Database) -> i64 {
    let kept = "SELECT count(*) FROM keyfob.feed";
    session(database).await.query_one(kept, &[]).await.unwrap().get(0)
}

/// The cursor of a follower that has read up to an event.
async fn cursor_at(database: &Database, position: FeedPosition) -> FeedCursor {
    let number = i64::try_from(position.get()).unwrap();
    let tag = "SELECT tag FROM keyfob.events WHERE position = $1";
    let row = session(database).await.query_one(tag, &[&number]).await.unwrap();
    FeedCursor::new(position, row.get::<_, Uuid>(0).as_u128())
}

#[tokio::test]
async fn follower_that_slept_past_the_pruning_starts_anew() {
    let database = database();
    let store = open(&database).await;
    let first = store.position().await.unwrap();
    for _ in 0..3 {
        insert(&store).await;
    }
    let reached = store.position().await.unwrap();
    let forgetful = forgetful(&database, Duration::ZERO).await;
    insert(&forgetful).await;

    for follower in [&store, &forgetful] {
        let error = follower.changes(first, 10).await.unwrap_err();
        assert!(matches!(error, StoreError::FeedLost), "{error:?}");
    }
    let pruned_through: i64 = session(&database)
        .await
        .query_one("SELECT pruned_through FROM keyfob.head", &[])
        .await
        .unwrap()
        .get(0);
    let pruned_through = FeedPosition::new(u64::try_from(pruned_through).unwrap());
    assert!(pruned_through >= reached.position());
    let pruned_through = cursor_at(&database, pruned_through).await;
    assert!(store.changes(pruned_through, 10).await.unwrap().complete);
    // The log is whole.
    let all = EventQuery::new(PageSize::MAX);
    assert_eq!(store.events(&organization(), all).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn what_is_younger_than_the_retention_stays() {
    let database = database();
    let store = open(&database).await;
    for _ in 0..3 {
        insert(&store).await;
    }
    let day = "SET session_replication_role = replica; \
        UPDATE keyfob.feed SET written_at = written_at - 86400000000 WHERE position <= 2";
    execute(&database, day).await.unwrap();
    insert(&forgetful(&database, Duration::from_secs(3_600)).await).await;
    assert_eq!(kept(&database).await, 2);
    let [first, second] = [1, 2].map(FeedPosition::new);
    let second = cursor_at(&database, second).await;
    assert_eq!(store.changes(second, 10).await.unwrap().changes.len(), 2);
    let first = cursor_at(&database, first).await;
    assert!(matches!(store.changes(first, 10).await, Err(StoreError::FeedLost)));
}

/// A database whose clock was set back has young entries before old ones.
#[tokio::test]
async fn nothing_is_pruned_beyond_a_younger_entry() {
    let database = database();
    let store = open(&database).await;
    for _ in 0..3 {
        insert(&store).await;
    }
    let day = "SET session_replication_role = replica; \
        UPDATE keyfob.feed SET written_at = written_at - 86400000000 WHERE position <> 2";
    execute(&database, day).await.unwrap();
    insert(&forgetful(&database, Duration::from_secs(3_600)).await).await;
    assert_eq!(kept(&database).await, 3);
}

#[tokio::test]
async fn one_write_prunes_a_bounded_number() {
    let database = database();
    open(&database).await.close().await;
    execute(
        &database,
        "SET session_replication_role = replica; \
         INSERT INTO keyfob.events (position, at, organization, action, actor, details) \
         SELECT n, 0, 'acme', 'a.b', 'user:1', '{}' FROM generate_series(1, 2000) n; \
         INSERT INTO keyfob.feed (position, written_at, organization, hashes) \
         SELECT n, 0, 'acme', '' FROM generate_series(1, 2000) n",
    )
    .await
    .unwrap();
    insert(&forgetful(&database, Duration::from_secs(60)).await).await;
    assert_eq!(kept(&database).await, 2001 - 500);
}
