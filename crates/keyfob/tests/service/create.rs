use std::time::Duration;

use keyfob::{
    Conflict, CreateError, CreateKey, Environment, Expiry, IdempotencyToken, IssuedOnce, KeyLimit,
    KeyName, ScopeSet, StoreError, Timestamp,
};

use crate::*;

#[tokio::test]
async fn key_needs_a_scope_and_a_future() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let idle = CreateKey::new(
        organization(),
        KeyName::new("n").unwrap(),
        Environment::Live,
        ScopeSet::EMPTY,
    );
    let refused = service.create(idle, KeyLimit::Unlimited, actor()).await;
    assert!(matches!(refused, Err(CreateError::NoScopes)));
    let past = [
        Expiry::At(START),
        Expiry::At(Timestamp::from_micros(i64::MIN)),
        Expiry::After(Duration::ZERO),
    ];
    for expiry in past {
        let refused =
            service.create(request("n").with_expiry(expiry), KeyLimit::Unlimited, actor()).await;
        assert!(matches!(refused, Err(CreateError::ExpiryNotInFuture)));
    }
    assert_eq!(service.keys_in_use(&organization()).await.unwrap(), 0);
}

#[tokio::test]
async fn limit_is_the_store_s_answer() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let limit = KeyLimit::AtMost(1);
    let first = service.create(request("first"), limit, actor()).await.unwrap();
    let refused = service.create(request("second"), limit, actor()).await;
    assert!(matches!(refused, Err(CreateError::Store(StoreError::LimitReached { .. }))));
    service.revoke(&organization(), first.key.id, None, actor()).await.unwrap();
    service.create(request("second"), limit, actor()).await.unwrap();
}

#[tokio::test]
async fn request_that_is_sent_twice_makes_one_key() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let token = IdempotencyToken::new("deploy-7").unwrap();
    let once = async |request| {
        service.create_once(token.clone(), request, KeyLimit::Unlimited, actor()).await
    };
    let IssuedOnce::New(created) = once(request("ci")).await.unwrap() else { panic!("it is new") };
    let IssuedOnce::Replayed(record) = once(request("ci")).await.unwrap() else {
        panic!("it was sent before")
    };
    assert_eq!(record, created.key);
    let other = once(request("other")).await;
    let mismatch = StoreError::Conflict(Conflict::IdempotencyMismatch).to_string();
    assert_eq!(other.unwrap_err().to_string(), mismatch);
    let longer = once(request("ci").with_expiry(Expiry::After(Duration::from_secs(1)))).await;
    assert_eq!(longer.unwrap_err().to_string(), mismatch);
    assert_eq!(service.keys_in_use(&organization()).await.unwrap(), 1);
}

/// A replay says what was, so nothing about it depends on the time.
#[tokio::test]
async fn replay_is_answered_after_the_key_has_expired() {
    let clock = clock();
    let store = FaultyStore::new();
    let service = builder(&store, &clock).build();
    let token = || IdempotencyToken::new("once").unwrap();
    let end = START.saturating_add(Duration::from_secs(60));
    let create_ci = || request("ci").with_expiry(Expiry::At(end));
    let create = |token| service.create_once(token, create_ci(), KeyLimit::AtMost(1), actor());
    let IssuedOnce::New(made) = create(token()).await.unwrap() else { panic!("a replay") };
    clock.advance(Duration::from_secs(3600));
    let IssuedOnce::Replayed(key) = create(token()).await.unwrap() else { panic!("a new key") };
    assert_eq!(key.id, made.key.id);
    let other = create(IdempotencyToken::new("other").unwrap()).await;
    assert!(matches!(other, Err(CreateError::ExpiryNotInFuture)), "{other:?}");
    let mismatch = request("other").with_expiry(Expiry::At(end));
    let mismatch = service.create_once(token(), mismatch, KeyLimit::AtMost(1), actor()).await;
    let Err(CreateError::Store(StoreError::Conflict(conflict))) = mismatch else {
        panic!("{mismatch:?}")
    };
    assert_eq!(conflict, Conflict::IdempotencyMismatch);
}

#[tokio::test]
async fn environment_is_part_of_what_makes_a_request_the_same() {
    let clock = clock();
    let store = FaultyStore::new();
    let service = builder(&store, &clock).build();
    let scopes = ScopeSet::from(Scope::Read);
    let name = || KeyName::new("ci").unwrap();
    let create = |environment| {
        let request = CreateKey::new(organization(), name(), environment, scopes);
        let token = IdempotencyToken::new("once").unwrap();
        service.create_once(token, request, KeyLimit::Unlimited, actor())
    };
    create(Environment::Live).await.unwrap();
    let refused = create(Environment::Test).await;
    assert!(matches!(
        refused,
        Err(CreateError::Store(StoreError::Conflict(Conflict::IdempotencyMismatch)))
    ));
}

/// What grants a key for a span of time may itself end before that.
#[tokio::test]
async fn key_expires_no_later_than_it_may() {
    let clock = clock();
    let store = FaultyStore::new();
    let service = builder(&store, &clock).build();
    let at = |seconds| START.saturating_add(Duration::from_secs(seconds));
    for (expiry, latest, expected) in [
        (Expiry::Never, Some(at(60)), Some(at(60))),
        (Expiry::After(Duration::from_secs(61)), Some(at(60)), Some(at(60))),
        (Expiry::At(at(59)), Some(at(60)), Some(at(59))),
        (Expiry::At(at(59)), None, Some(at(59))),
        (Expiry::Never, None, None),
    ] {
        let request = request("ci").with_expiry(expiry).with_latest_expiry(latest);
        let made = service.create(request, KeyLimit::Unlimited, actor()).await.unwrap();
        assert_eq!(made.key.expires_at, expected);
    }
}
