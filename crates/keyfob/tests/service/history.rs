//! A failover that lost commits, or a restored backup, rewrites the history of the store.

use keyfob::{DynStore, KeyStore, Principal, Timestamp, VerifyError};
use keyfob_memory::MemoryStore;

use crate::*;

type InMemory = KeyService<Scope, MemoryStore>;

async fn open(store: &MemoryStore) -> InMemory {
    let service = KeyService::builder(FORMAT, store.clone()).build();
    eventually(async || service.health().cache_in_use).await;
    service
}

async fn verify(service: &InMemory, key: &str) -> Result<Principal<Scope>, VerifyError> {
    service.verify(key).await
}

/// The smallest way to see it: the last event is replaced by the revocation of a key that a node
/// has in its cache, and another event follows. The new history is as long as the old one.
#[tokio::test]
async fn key_that_the_new_history_revokes_is_refused_whoever_else_reads_the_store() {
    let store = MemoryStore::new();
    let services = [open(&store).await, open(&store).await];
    let by = keyfob::Author::from(actor()).at(Timestamp::from_micros(0));
    let created = services[0].create(request("ci"), KeyLimit::Unlimited, actor()).await.unwrap();
    let key = created.api_key.expose_secret();
    let backup = store.backup();
    services[1].create(request("lost"), KeyLimit::Unlimited, actor()).await.unwrap();
    for service in &services {
        let end = store.position().await.unwrap().position();
        eventually(async || service.health().position == Some(end)).await;
        verify(service, key).await.unwrap();
    }

    store.restore(&backup);
    store.revoke(&organization(), created.key.id, None, by.clone()).await.unwrap();
    let event = keyfob::NewEvent {
        organization: organization(),
        action: keyfob::Action::custom("plan.changed").unwrap(),
        details: keyfob::Details::new(),
    };
    store.append_event(event, by).await.unwrap();
    // A list of nodes, over and over, reads the end of the feed.
    eventually(async || {
        services[1].nodes().await.unwrap();
        verify(&services[0], key).await.is_err() && verify(&services[1], key).await.is_err()
    })
    .await;
    // Both follow the new history, and their caches are in use.
    let end = store.position().await.unwrap().position();
    for service in &services {
        eventually(async || {
            service.health().cache_in_use && service.health().position == Some(end)
        })
        .await;
    }
}

/// The node has not yet read that the history was rewritten, and its own revocation has an earlier
/// position than a change of the same key in the old history.
#[tokio::test]
async fn own_revocation_counts_at_once_in_a_history_that_is_shorter() {
    let memory = MemoryStore::new();
    let store = FaultyStore::over(DynStore::new(memory.clone()));
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let backup = memory.backup();
    for _ in 0..3 {
        service.disable(&organization(), created.key.id, actor()).await.unwrap();
        service.enable(&organization(), created.key.id, actor()).await.unwrap();
    }
    let key = created.api_key.expose_secret();
    service.verify(key).await.unwrap();
    store.hang_follower(true);
    memory.restore(&backup);
    service.verify(key).await.expect("the cache is in use");
    service.revoke(&organization(), created.key.id, None, actor()).await.unwrap();
    let verified = service.verify(key).await;
    assert!(verified.is_err(), "{verified:?}");
}
