//! Keys to test with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyfob_postgres::PostgresStore;
use keyfob_store::{
    Actor, Attribution, Author, Environment, Issued, KeyHash, KeyId, KeyLimit, KeyRecord, KeyStore,
    NewKey, NewSecret, OrganizationId, Rotation, ScopeNames, StoreError, Timestamp,
};

pub(crate) fn organization() -> OrganizationId {
    "acme".parse().unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000)
}

pub(crate) fn by() -> Attribution {
    Author::from(Actor::new("user:1").unwrap()).at(now())
}

/// A number like no other, in this process and beside others that run at the same time.
fn unique() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    u64::from(std::process::id()) << 32 | COUNT.fetch_add(1, Ordering::Relaxed)
}

fn secret(unique: u64) -> NewSecret {
    let mut hash = [0xab; 32];
    // Spread over the index, as hashes are.
    hash[..8].copy_from_slice(&unique.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    hash[8..16].copy_from_slice(&unique.to_be_bytes());
    NewSecret { hash: KeyHash::from_bytes(hash), hint: "tk_live_a1b2c3d4".parse().unwrap() }
}

/// To a new secret, with an overlap of an hour.
pub(crate) fn rotation() -> Rotation {
    Rotation {
        secret: secret(unique()),
        overlap_ends: now().saturating_add(Duration::from_secs(3_600)),
        idempotency: None,
    }
}

pub(crate) fn new_key() -> NewKey {
    let unique = unique();
    NewKey {
        // The id uses 62 of the random bits.
        id: KeyId::new(now(), (unique << 2).to_be_bytes()),
        organization: organization(),
        name: "ci-pipeline".parse().unwrap(),
        environment: Environment::Live,
        scopes: ScopeNames::parse("org:read org:write").unwrap(),
        expires_at: None,
        secret: secret(unique),
        idempotency: None,
    }
}

pub(crate) async fn try_insert(
    store: &PostgresStore,
    key: NewKey,
    limit: KeyLimit,
) -> Result<KeyRecord, StoreError> {
    match store.insert(key, limit, by()).await? {
        Issued::New(key) => Ok(key.value),
        Issued::Replayed(key) => panic!("{key:?} was not asked for before"),
    }
}

pub(crate) async fn insert(store: &PostgresStore) -> KeyRecord {
    try_insert(store, new_key(), KeyLimit::Unlimited).await.unwrap()
}

pub(crate) fn event() -> keyfob_store::NewEvent {
    keyfob_store::NewEvent {
        organization: organization(),
        action: keyfob_store::Action::custom("plan.changed").unwrap(),
        details: keyfob_store::Details::new(),
    }
}
