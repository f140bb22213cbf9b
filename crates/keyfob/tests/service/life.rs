use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use keyfob::{
    Conflict, Expiry, IdempotencyToken, ImportKey, IssuedOnce, KeyEdit, KeyLimit, KeyName,
    KeyStatus, MOST_OVERLAP, Refusal, RotateError, ScopeNames, StoreError,
};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn rotated_key_has_two_secrets_until_the_overlap_ends() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let first = create(&service).await;
    let (id, old) = (first.key.id, first.api_key.expose_secret());
    service.verify(old).await.unwrap();

    let second = service.rotate(&organization(), id, MINUTE, actor()).await.unwrap();
    let new = second.api_key.expose_secret();
    assert_eq!((second.key.id, &second.key.name), (id, &first.key.name));
    assert_eq!(service.verify(old).await.unwrap(), service.verify(new).await.unwrap());
    assert_eq!(service.keys_in_use(&organization()).await.unwrap(), 1);

    let third = service.rotate(&organization(), id, MINUTE, actor()).await.unwrap_err();
    let until = START.saturating_add(MINUTE);
    let conflict = StoreError::Conflict(Conflict::StillRotating { until });
    assert_eq!(third.to_string(), conflict.to_string());

    clock.advance(MINUTE);
    assert_eq!(refusal(&service, old).await, Refusal::Retired);
    service.verify(new).await.unwrap();
}

#[tokio::test]
async fn without_an_overlap_the_old_secret_is_refused_at_once() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let first = create(&service).await;
    let old = first.api_key.expose_secret();
    service.verify(old).await.unwrap();
    let id = first.key.id;
    let second = service.rotate(&organization(), id, Duration::ZERO, actor()).await.unwrap();
    assert_eq!(refusal(&service, old).await, Refusal::Retired);
    service.verify(second.api_key.expose_secret()).await.unwrap();

    let third = service.rotate(&organization(), id, MINUTE, actor()).await.unwrap();
    service.verify(second.api_key.expose_secret()).await.unwrap();
    service.retire_old_secret(&organization(), id, actor()).await.unwrap();
    assert_eq!(refusal(&service, second.api_key.expose_secret()).await, Refusal::Retired);
    assert_eq!(refusal(&service, old).await, Refusal::Retired);
    service.verify(third.api_key.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn rotation_is_bounded_idempotent_and_not_for_revoked_keys() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let id = create(&service).await.key.id;
    let too_long = MOST_OVERLAP + Duration::from_micros(1);
    let refused = service.rotate(&organization(), id, too_long, actor()).await;
    assert!(matches!(refused, Err(RotateError::OverlapTooLong)));

    let token = IdempotencyToken::new("rotate-1").unwrap();
    let once = async |overlap| {
        service.rotate_once(token.clone(), &organization(), id, overlap, actor()).await
    };
    let IssuedOnce::New(rotated) = once(MINUTE).await.unwrap() else { panic!("it is new") };
    let IssuedOnce::Replayed(replayed) = once(MINUTE).await.unwrap() else { panic!("it is not") };
    assert_eq!(replayed, rotated.key);
    assert!(once(MINUTE * 2).await.is_err());

    service.revoke(&organization(), id, None, actor()).await.unwrap();
    let refused = service.rotate(&organization(), id, MINUTE, actor()).await.unwrap_err();
    assert_eq!(refused.to_string(), StoreError::Conflict(Conflict::Revoked).to_string());
    assert_eq!(refusal(&service, rotated.api_key.expose_secret()).await, Refusal::Revoked);
}

/// Clients that switch over to the newest secret are never refused, however often the key is
/// rotated: each old secret is retired once every client has used a newer one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotation_under_load_refuses_nobody() {
    const CLIENTS: usize = 4;
    const REQUESTS: usize = 50_000;
    const DONE: u32 = u32::MAX;
    let service = KeyService::<Scope, _>::builder(FORMAT, FaultyStore::new()).build();
    let first = create(&service).await;
    let id = first.key.id;
    let (newest, _) = watch::channel((1, Arc::<str>::from(first.api_key.expose_secret())));
    let used: Arc<[AtomicU32; CLIENTS]> = Arc::default();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (service, newest, used) = (service.clone(), newest.subscribe(), Arc::clone(&used));
            tokio::spawn(async move {
                for _ in 0..REQUESTS {
                    let (generation, secret) = newest.borrow().clone();
                    service.verify(&*secret).await.expect("neither secret is refused");
                    used[client].store(generation, Ordering::SeqCst);
                }
                used[client].store(DONE, Ordering::SeqCst);
            })
        })
        .collect();
    let oldest_in_use =
        || used.iter().map(|used| used.load(Ordering::SeqCst)).min().unwrap_or(DONE);
    let mut rotations = 0;
    while oldest_in_use() != DONE {
        let rotated = service.rotate(&organization(), id, MINUTE, actor()).await.unwrap();
        let generation = rotated.key.secrets[0].generation;
        newest.send_replace((generation, rotated.api_key.expose_secret().into()));
        eventually(async || oldest_in_use() >= generation).await;
        service.retire_old_secret(&organization(), id, actor()).await.unwrap();
        rotations += 1;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert!(rotations > 1, "{rotations} rotations");
}

#[tokio::test]
async fn disabled_key_is_refused_until_it_is_enabled_and_keeps_its_slot() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let created = create(&service).await;
    let (id, key) = (created.key.id, created.api_key.expose_secret());
    service.verify(key).await.unwrap();
    let record = service.disable(&organization(), id, actor()).await.unwrap();
    assert_eq!(record.status(service.now()), KeyStatus::Disabled);
    assert_eq!(refusal(&service, key).await, Refusal::Disabled);
    let full = service.create(request("more"), KeyLimit::AtMost(1), actor()).await;
    assert!(full.is_err());
    service.enable(&organization(), id, actor()).await.unwrap();
    service.verify(key).await.unwrap();
    service.revoke(&organization(), id, None, actor()).await.unwrap();
    assert!(service.enable(&organization(), id, actor()).await.is_err());
    assert_eq!(refusal(&service, key).await, Refusal::Revoked);
}

#[tokio::test]
async fn edited_scopes_count_at_once_here_and_soon_elsewhere() {
    let (store, clock) = (FaultyStore::new(), clock());
    let (here, there) = (service(&store, &clock).await, service(&store, &clock).await);
    let (created, other) = (create(&here).await, create(&here).await);
    let key = created.api_key.expose_secret();
    for service in [&here, &there] {
        service.authorize(key, Scope::Read).await.unwrap();
    }
    let scopes = Some(ScopeNames::from(ScopeSet::from(Scope::Write)));
    let edit = KeyEdit { scopes, ..KeyEdit::default() };
    here.edit(&organization(), created.key.id, edit, KeyLimit::Unlimited, actor()).await.unwrap();
    assert!(here.authorize(key, Scope::Read).await.is_err());
    here.authorize(key, Scope::Write).await.unwrap();
    eventually(async || there.authorize(key, Scope::Read).await.is_err()).await;
    here.authorize(other.api_key.expose_secret(), Scope::Read).await.unwrap();
}

#[tokio::test]
async fn expired_key_that_is_edited_back_to_life_needs_a_slot() {
    let (store, clock) = (FaultyStore::new(), clock());
    let service = service(&store, &clock).await;
    let short = request("short").with_expiry(Expiry::After(MINUTE));
    let created = service.create(short, KeyLimit::AtMost(1), actor()).await.unwrap();
    clock.advance(MINUTE);
    service.create(request("next"), KeyLimit::AtMost(1), actor()).await.unwrap();
    let forever = KeyEdit { expires_at: Some(None), ..KeyEdit::default() };
    let id = created.key.id;
    let edit =
        async |limit| service.edit(&organization(), id, forever.clone(), limit, actor()).await;
    assert!(matches!(edit(KeyLimit::AtMost(1)).await, Err(StoreError::LimitReached { .. })));
    assert_eq!(refusal(&service, created.api_key.expose_secret()).await, Refusal::Expired);
    edit(KeyLimit::AtMost(2)).await.unwrap();
    service.verify(created.api_key.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn deleted_organization_takes_all_its_keys_along_for_ever() {
    let (store, clock) = (FaultyStore::new(), clock());
    let (here, there) = (service(&store, &clock).await, service(&store, &clock).await);
    let (one, two) = (create(&here).await, create(&here).await);
    for key in [&one, &two] {
        here.verify(key.api_key.expose_secret()).await.unwrap();
        there.verify(key.api_key.expose_secret()).await.unwrap();
    }
    here.delete_organization(&organization(), actor()).await.unwrap();
    let of_the_next = create(&here).await;
    for key in [&one, &two] {
        let key = key.api_key.expose_secret();
        assert_eq!(refusal(&here, key).await, Refusal::OrganizationDeleted);
        eventually(async || there.verify(key).await.is_err()).await;
    }
    here.verify(of_the_next.api_key.expose_secret()).await.unwrap();
    assert_eq!(here.keys_in_use(&organization()).await.unwrap(), 1);
}

#[tokio::test]
async fn imported_key_verifies_with_its_old_plaintext() {
    let store = FaultyStore::new();
    let service = service(&store, &clock()).await;
    let old = stranger(42);
    assert_eq!(refusal(&service, &old).await, Refusal::Unknown);
    let key = ImportKey {
        hash: keyfob::KeyHash::from_bytes(Sha256::digest(&old).into()),
        hint: None,
        name: KeyName::new("from-before").unwrap(),
        environment: Environment::Live,
        scopes: Scope::Read.into(),
        expiry: Expiry::Never,
    };
    let twice = vec![key.clone(), key.clone()];
    let limit = KeyLimit::Unlimited;
    let error = service.import(&organization(), twice, limit, actor()).await.unwrap_err();
    assert_eq!(error.index, 1);
    assert_eq!(service.keys_in_use(&organization()).await.unwrap(), 0);
    let keys = service.import(&organization(), vec![key], limit, actor()).await.unwrap();
    assert_eq!(keys[0].secrets[0].hint.to_string(), "tk_live_…");
    assert_eq!(service.verify(&old).await.unwrap().key, keys[0].id);
}
