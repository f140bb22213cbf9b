//! A commit that happened and whose answer nobody got: what is asked again counts once.

use std::time::Duration;

use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_store::{
    Hour, Idempotency, Issued, KeyLimit, KeyStore, NewKey, Outcome, UsageBatch, UsageCount,
    UsageGrain, UsageQuery,
};
use keyfob_test_cluster::{PostgresServer, Proxy};

use crate::database::{database, try_open};
use crate::sample::{by, insert, new_key, now, organization};

async fn through_a_proxy() -> (Proxy, PostgresStore) {
    let proxy = Proxy::start(PostgresServer::shared().unwrap().port()).unwrap();
    let store = try_open(PostgresOptions::new(proxy.url(&database()))).await.unwrap();
    (proxy, store)
}

#[tokio::test]
async fn insertion_that_is_sent_again_makes_one_key() {
    let (proxy, store) = through_a_proxy().await;
    let asked = || NewKey {
        idempotency: Some(Idempotency {
            token: "once".parse().unwrap(),
            fingerprint: [7; 32],
            remembered_until: now(),
        }),
        ..new_key()
    };
    let first = asked();
    proxy.lose_next_commit();
    let error = store.insert(first.clone(), KeyLimit::AtMost(1), by()).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(proxy.lost_answers(), 1);
    match store.insert(asked(), KeyLimit::AtMost(1), by()).await.unwrap() {
        Issued::Replayed(key) => assert_eq!(key.id, first.id),
        Issued::New(key) => panic!("a second key: {key:?}"),
    }
    assert_eq!(store.keys_in_use(&organization(), now()).await.unwrap(), 1);
}

#[tokio::test]
async fn revocation_that_is_sent_again_keeps_its_first_reason() {
    let (proxy, store) = through_a_proxy().await;
    let key = insert(&store).await;
    let organization = organization();
    let revoke = |reason: &str| {
        let reason = Some(reason.parse().unwrap());
        store.revoke(&organization, key.id, reason, by())
    };
    proxy.lose_next_commit();
    assert!(revoke("leaked").await.unwrap_err().is_transient());
    let revoked = revoke("again").await.unwrap();
    let state = format!("{:?}", revoked.value.state);
    assert!(state.contains("leaked"), "{state}");
}

#[tokio::test]
async fn batch_of_usage_whose_answer_is_lost_is_sent_again_and_counts_once() {
    let (proxy, store) = through_a_proxy().await;
    let key = insert(&store).await;
    let count = UsageCount {
        organization: organization(),
        key: key.id,
        secret: 1,
        hour: Hour::of(now()),
        outcome: Outcome::Accepted,
        count: 3,
        last_at: now(),
    };
    let batch = UsageBatch { id: [9; 16], at: now(), counts: vec![count] };
    // Its last part is what is answered.
    proxy.lose_next_answer("DELETE");
    store.record_usage(&batch).await.unwrap();
    assert_eq!(proxy.lost_answers(), 1);
    store.record_usage(&batch).await.unwrap();
    let hour = Hour::of(now());
    let end = Hour::of(now().saturating_add(Duration::from_secs(3_600)));
    let query = UsageQuery { from: hour, to: end, key: None, grain: UsageGrain::Hour };
    let usage = store.usage(&organization(), query).await.unwrap();
    assert_eq!(usage.iter().map(|row| row.count).collect::<Vec<_>>(), [3]);
}
