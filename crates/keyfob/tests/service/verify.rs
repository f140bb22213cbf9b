use keyfob::{
    Author, CreateKey, Environment, Expiry, InvalidKey, KeyLimit, KeyName, KeyStatus, Refusal,
    Requirement,
};
use std::time::Duration;

use crate::*;

#[tokio::test]
async fn created_key_is_its_principal() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    for _ in 0..3 {
        let principal = service.verify(created.api_key.expose_secret()).await.unwrap();
        assert_eq!(principal.key, created.key.id);
        assert_eq!(principal.organization, organization());
        assert_eq!(principal.environment, Environment::Live);
        assert_eq!(principal.scopes, Scope::Read.into());
    }
}

#[tokio::test]
async fn malformed_key_never_reaches_the_store() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let good = create(&service).await;
    let key = good.api_key.expose_secret();
    for (bad, why) in [
        (String::new(), InvalidKey::Prefix),
        (key[1..].to_owned(), InvalidKey::Prefix),
        (key[..71].to_owned(), InvalidKey::Length { expected: 72, found: 71 }),
        (format!("{key}0"), InvalidKey::Length { expected: 72, found: 73 }),
        (format!("{} ", &key[..71]), InvalidKey::Character),
        (format!("tk_live_{}", "A".repeat(64)), InvalidKey::Character),
    ] {
        assert_eq!(refusal(&service, &bad).await, Refusal::Malformed(why));
    }
    assert_eq!(store.finds(), 0);
}

#[tokio::test]
async fn other_environment_is_refused_without_a_lookup() {
    let store = FaultyStore::new();
    let clock = clock();
    let service = builder(&store, &clock).with_environment(Environment::Test).build();
    assert_eq!(refusal(&service, &stranger(1)).await, Refusal::WrongEnvironment);
    assert_eq!(store.finds(), 0);
}

#[tokio::test]
async fn missing_scope_is_a_refusal_that_names_what_is_needed() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();
    assert!(service.authorize(key, Scope::Read).await.is_ok());
    assert!(service.authorize(key, Requirement::ANY_KEY).await.is_ok());
    let both = service.authorize(key, Scope::Read | Scope::Write).await.unwrap_err();
    assert_eq!(both.to_string(), "the key lacks a scope: this needs org:read org:write");
    let test_only = Requirement::from(Scope::Read).in_environment(Environment::Test);
    let wrong = service.authorize(key, test_only).await.unwrap_err();
    assert_eq!(wrong.refusal(), Some(&Refusal::WrongEnvironment));
}

#[tokio::test]
async fn expiry_holds_to_the_microsecond_on_every_hit_and_both_ways() {
    let (store, clock) = (FaultyStore::new(), clock());
    // A clock that is set ends the lease, until the feed is read again, which is soon.
    let service = builder(&store, &clock).with_staleness_bound(Duration::from_millis(100)).build();
    let followed = async || eventually(async || service.health().cache_in_use).await;
    followed().await;
    let request = CreateKey::new(
        organization(),
        KeyName::new("short").unwrap(),
        Environment::Live,
        Scope::Read.into(),
    )
    .with_expiry(Expiry::After(Duration::from_secs(60)));
    let created = service.create(request, KeyLimit::Unlimited, actor()).await.unwrap();
    let key = created.api_key.expose_secret();
    let expiry = created.key.expires_at.unwrap().as_micros();
    assert_eq!(expiry, START.as_micros() + 60_000_000);
    for (at, good) in [
        (expiry - 1, true),
        (expiry, false),
        (i64::MAX, false),
        (expiry - 1, true),
        (i64::MIN, true),
    ] {
        clock.set_wall(Timestamp::from_micros(at));
        followed().await;
        let verified = service.verify(key).await;
        assert_eq!(verified.is_ok(), good, "at {at}");
        if let Err(error) = verified {
            assert_eq!(error.refusal(), Some(&Refusal::Expired));
        }
    }
    assert_eq!(store.finds(), 1, "the cached key is judged anew each time");
}

#[tokio::test]
async fn revoked_key_is_refused_as_soon_as_revoke_returns() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    for _ in 0..100 {
        let created = create(&service).await;
        let key = created.api_key.expose_secret();
        service.verify(key).await.unwrap();
        let record = service.revoke(&organization(), created.key.id, None, actor()).await.unwrap();
        assert_eq!(record.status(service.now()), KeyStatus::Revoked);
        assert_eq!(refusal(&service, key).await, Refusal::Revoked);
    }
}

#[tokio::test]
async fn nothing_of_a_key_is_shown() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret().to_owned();
    let principal = service.verify(&key).await;
    let by = Author::from(actor());
    let shown = format!("{service:?} {created:?} {principal:?} {by:?}");
    assert!(!shown.contains(&key[16..]), "{shown}");
    assert!(!shown.contains(&created.key.secrets[0].hash.to_string()), "{shown}");
}

#[tokio::test]
async fn answer_without_waiting_is_the_same_or_none() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let key = created.api_key.expose_secret();

    assert!(service.authorize_at_once(key, Scope::Read).is_none(), "nobody has asked for it yet");
    let malformed = service.authorize_at_once("tk_live_", Scope::Read).unwrap().unwrap_err();
    assert!(matches!(malformed.refusal(), Some(Refusal::Malformed(_))));
    assert_eq!(store.finds(), 0);

    let verified = service.authorize(key, Scope::Read).await.unwrap();
    assert_eq!(service.authorize_at_once(key, Scope::Read).unwrap().unwrap(), verified);
    let missing = service.authorize_at_once(key, Scope::Write).unwrap().unwrap_err();
    assert!(matches!(missing.refusal(), Some(Refusal::MissingScope { .. })));

    service.revoke(&organization(), created.key.id, None, actor()).await.unwrap();
    assert!(service.authorize_at_once(key, Scope::Read).is_none());
    assert!(service.authorize(key, Scope::Read).await.is_err());
    let revoked = service.authorize_at_once(key, Scope::Read).unwrap().unwrap_err();
    assert_eq!(revoked.refusal(), Some(&Refusal::Revoked));
    assert_eq!(store.finds(), 2);
}
