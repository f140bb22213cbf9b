//! Another database stands in for a replica: it is as far behind as a test wants it to be.

use std::time::Duration;

use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_store::{FeedCursor, FeedPosition, FoundState, KeyStore};
use keyfob_test_cluster::Database;

use crate::database::{database, open, try_open, until};
use crate::sample::{by, event, insert, new_key, organization, try_insert};

struct Pair {
    primary: Database,
    /// A node that asks the replica.
    node: PostgresStore,
    /// Writes to the replica what has arrived there.
    arrival: PostgresStore,
}

impl Pair {
    async fn new(freshness: Duration) -> Self {
        let (primary, replica) = (database(), database());
        let arrival = open(&replica).await;
        let options = PostgresOptions::new(primary.socket_url())
            .with_replica(replica.socket_url())
            .with_replica_freshness(freshness);
        let node = try_open(options).await.unwrap();
        Self { primary, node, arrival }
    }
}

const FRESH: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn replica_that_is_up_to_date_answers() {
    let pair = Pair::new(FRESH).await;
    let key = new_key();
    let hash = key.secret.hash;
    try_insert(&pair.node, key.clone(), keyfob_store::KeyLimit::Unlimited).await.unwrap();
    try_insert(&pair.arrival, key, keyfob_store::KeyLimit::Unlimited).await.unwrap();
    pair.node.position().await.unwrap();
    // Told apart by what only the replica has.
    let only_there = new_key();
    let found = only_there.secret.hash;
    try_insert(&pair.arrival, only_there, keyfob_store::KeyLimit::Unlimited).await.unwrap();
    let answer = pair.node.find(&[hash, found]).await.unwrap();
    assert!(
        answer.keys.iter().all(|key| matches!(key, Ok(Some(_)))),
        "the replica was asked: {answer:?}"
    );
}

/// By another node, so this one knows nothing of it.
#[tokio::test]
async fn key_that_the_replica_does_not_have_yet_is_not_unknown() {
    let pair = Pair::new(FRESH).await;
    let other = open(&pair.primary).await;
    pair.node.position().await.unwrap();
    let keys = [new_key(), new_key(), new_key()];
    for key in &keys[..2] {
        try_insert(&other, key.clone(), keyfob_store::KeyLimit::Unlimited).await.unwrap();
    }
    // Of what it knows, the replica's word is good, and this only the replica has.
    try_insert(&pair.arrival, keys[2].clone(), keyfob_store::KeyLimit::Unlimited).await.unwrap();
    let stranger = new_key();
    let asked = [&keys[2], &stranger, &keys[0], &keys[1]].map(|key| key.secret.hash);
    let found = pair.node.find(&asked).await.unwrap();
    let ids: Vec<_> = found.all().unwrap().into_iter().map(|key| key.map(|key| key.id)).collect();
    assert_eq!(ids, [Some(keys[2].id), None, Some(keys[0].id), Some(keys[1].id)]);
}

#[tokio::test]
async fn lagging_replica_does_not_revive_a_revoked_key() {
    let pair = Pair::new(FRESH).await;
    let key = new_key();
    let (id, hash) = (key.id, key.secret.hash);
    for store in [&pair.node, &pair.arrival] {
        try_insert(store, key.clone(), keyfob_store::KeyLimit::Unlimited).await.unwrap();
    }
    let state = async |store: &PostgresStore| {
        store.find(&[hash]).await.unwrap().all().unwrap()[0].as_ref().map(|found| found.state)
    };
    pair.node.position().await.unwrap();
    assert_eq!(state(&pair.node).await, Some(FoundState::Active));
    // By this node, whose own commit is what it has seen.
    pair.node.revoke(&organization(), id, None, by()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(state(&pair.node).await, Some(FoundState::Revoked));
    }
    assert_eq!(state(&pair.arrival).await, Some(FoundState::Active), "the replica lags");
}

#[tokio::test]
async fn change_that_the_feed_told_of_is_not_missing_from_a_later_answer() {
    let pair = Pair::new(FRESH).await;
    let other = open(&pair.primary).await;
    let key = new_key();
    let (id, hash) = (key.id, key.secret.hash);
    for store in [&other, &pair.arrival] {
        try_insert(store, key.clone(), keyfob_store::KeyLimit::Unlimited).await.unwrap();
    }
    other.revoke(&organization(), id, None, by()).await.unwrap();
    pair.node.changes(FeedCursor::START, 10).await.unwrap();
    let found = pair.node.find(&[hash]).await.unwrap();
    assert_eq!(
        found.clone().all().unwrap()[0].as_ref().map(|found| found.state),
        Some(FoundState::Revoked)
    );
    assert_eq!(found.position, FeedPosition::new(2));
}

/// Whatever it knows: the primary may have gone on without being heard.
#[tokio::test]
async fn node_that_has_not_heard_from_the_primary_asks_no_replica() {
    let pair = Pair::new(Duration::ZERO).await;
    for _ in 0..3 {
        pair.arrival.append_event(event(), by()).await.unwrap();
    }
    let only_there = insert(&pair.arrival).await;
    pair.node.position().await.unwrap();
    let found = pair.node.find(&[only_there.secrets[0].hash]).await.unwrap();
    assert_eq!(found.keys, [Ok(None)], "the primary was asked");
}

#[tokio::test]
async fn replica_that_fails_costs_no_answer() {
    let primary = database();
    let options = PostgresOptions::new(primary.socket_url())
        .with_replica("postgres://postgres@127.0.0.1:1/none")
        .with_replica_freshness(FRESH);
    let node = try_open(options).await.unwrap();
    let key = insert(&node).await;
    node.position().await.unwrap();
    for _ in 0..20 {
        assert!(node.find(&[key.secrets[0].hash]).await.unwrap().all().unwrap()[0].is_some());
    }
}

#[tokio::test]
async fn replica_that_has_caught_up_is_asked_again() {
    let pair = Pair::new(FRESH).await;
    let key = insert(&pair.node).await;
    pair.node.find(&[key.secrets[0].hash]).await.unwrap();
    let only_there = insert(&pair.arrival).await;
    until("the replica is asked", || async {
        pair.node.find(&[only_there.secrets[0].hash]).await.unwrap().all().unwrap()[0].is_some()
    })
    .await;
}
