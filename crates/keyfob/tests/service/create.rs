use std::time::Duration;

use keyfob::{
    Conflict, CreateError, CreateKey, CreatedOnce, Environment, Expiry, IdempotencyToken, KeyLimit,
    KeyName, ScopeSet, StoreError, Timestamp,
};

use crate::*;

fn request(name: &str) -> CreateKey<Scope> {
    let name = KeyName::new(name).unwrap();
    CreateKey::new(organization(), name, Environment::Test, Scope::Read.into())
}

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
    let CreatedOnce::New(created) = once(request("ci")).await.unwrap() else { panic!("it is new") };
    let CreatedOnce::Replayed(record) = once(request("ci")).await.unwrap() else {
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
