use std::sync::Arc;
use std::time::Duration;

use keyfob::{Refusal, VerifyError};

use crate::*;

#[tokio::test]
async fn hot_key_costs_the_store_nothing() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    for _ in 0..1_000 {
        service.verify(created.api_key.expose_secret()).await.unwrap();
    }
    assert_eq!(store.finds(), 1);
}

#[tokio::test]
async fn key_that_many_ask_for_at_once_is_asked_for_once() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let key: Arc<str> = created.api_key.expose_secret().into();
    store.hold_answers();
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let (service, key) = (service.clone(), Arc::clone(&key));
            tokio::spawn(async move { service.verify(&*key).await })
        })
        .collect();
    store.lookup_has_read().await;
    store.release_answers();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!((store.finds(), store.hashes()), (1, 1));
}

#[tokio::test]
async fn burst_of_strangers_becomes_a_few_batches_and_is_remembered() {
    // So few that no bucket of the table that remembers them overflows, but for one run in 100,000.
    const STRANGERS: u64 = 200;
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    for round in 0..2 {
        let callers: Vec<_> = (0..STRANGERS)
            .map(|number| {
                let service = service.clone();
                tokio::spawn(async move { service.verify(&stranger(number)).await })
            })
            .collect();
        for caller in callers {
            let error = caller.await.unwrap().unwrap_err();
            assert_eq!(error.refusal(), Some(&Refusal::Unknown));
        }
        assert_eq!(store.hashes(), 200, "round {round}");
    }
    assert!(store.finds() <= 20, "{} lookups", store.finds());
}

#[tokio::test]
async fn caller_who_goes_away_costs_the_others_nothing() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    store.hold_answers();
    let mut impatient = Box::pin(service.verify(key));
    let mut patient = Box::pin(service.verify(key));
    tokio::select! {
        biased;
        _ = &mut impatient => panic!("answers are held"),
        _ = &mut patient => panic!("answers are held"),
        () = store.lookup_has_read() => {}
    }
    drop(impatient);
    store.release_answers();
    patient.await.unwrap();
    assert_eq!(store.finds(), 1);
}

#[tokio::test]
async fn lookup_that_a_revocation_overtook_gives_no_yes() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret().to_owned();
    store.hold_answers();
    let verification = tokio::spawn({
        let (service, key) = (service.clone(), key.clone());
        async move { service.verify(&key).await }
    });
    store.lookup_has_read().await;
    service.revoke(&organization(), created.key.id, None, actor()).await.unwrap();
    store.release_answers();
    let answer = verification.await.unwrap().unwrap_err();
    assert_eq!(answer.refusal(), Some(&Refusal::Revoked));
    assert_eq!(service.verify(&key).await.unwrap_err().refusal(), Some(&Refusal::Revoked));
}

#[tokio::test]
async fn revocation_reaches_another_node_by_its_hint_or_by_polling() {
    for silent in [false, true] {
        let (store, clock) = (FaultyStore::new(), clock());
        if silent {
            store.silence_hints();
        }
        let (here, there) = (service(&store, &clock).await, service(&store, &clock).await);
        let created = create(&here).await;
        let key = created.api_key.expose_secret();
        there.verify(key).await.unwrap();
        here.revoke(&organization(), created.key.id, None, actor()).await.unwrap();
        eventually(async || there.verify(key).await.is_err()).await;
        let error = there.verify(key).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::Revoked));
    }
}

#[tokio::test]
async fn key_that_was_asked_for_too_early_is_known_once_it_is_made() {
    let (store, clock) = (FaultyStore::new(), clock());
    let (here, there) = (service(&store, &clock).await, service(&store, &clock).await);
    // Nobody can guess a key before it is made; an imported hash may be asked for before, though.
    let created = create(&here).await;
    let key = created.api_key.expose_secret();
    let unknown = there.verify(&stranger(7)).await.unwrap_err();
    assert_eq!(unknown.refusal(), Some(&Refusal::Unknown));
    there.verify(key).await.unwrap();
    here.verify(key).await.unwrap();
}

#[tokio::test]
async fn lost_feed_starts_the_cache_over() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    service.verify(key).await.unwrap();
    let before = store.finds();
    store.lose_feed();
    // Any change wakes the follower, which then learns that its position means nothing.
    create(&service).await;
    eventually(async || {
        service.verify(key).await.unwrap();
        store.finds() > before && service.health().cache_in_use
    })
    .await;
}

#[tokio::test]
async fn last_clone_of_a_service_ends_its_follower() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let clone = service.clone();
    drop(service);
    create(&clone).await;
    drop(clone);
    eventually(async || store.holders() == 1).await;
}

#[tokio::test]
async fn bound_of_zero_asks_the_store_every_time() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = builder(&store, &clock).with_staleness_bound(Duration::ZERO).build();
    let created = create(&service).await;
    for _ in 0..10 {
        service.verify(created.api_key.expose_secret()).await.unwrap();
    }
    assert_eq!(store.finds(), 10);
    let error = service.verify(&stranger(1)).await.unwrap_err();
    assert!(matches!(error, VerifyError::Refused(Refusal::Unknown)));
}
