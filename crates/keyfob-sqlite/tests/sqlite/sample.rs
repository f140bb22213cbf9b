//! Keys to test with.

use std::sync::atomic::{AtomicU64, Ordering};

use keyfob_sqlite::SqliteStore;
use keyfob_store::{
    Actor, Attribution, Author, Environment, Inserted, KeyHash, KeyId, KeyLimit, KeyRecord,
    KeyStore, NewKey, NewSecret, OrganizationId, ScopeNames, StoreError, Timestamp,
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

/// A key like no other, in this process and beside others that run at the same time.
pub(crate) fn new_key() -> NewKey {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let unique = u64::from(std::process::id()) << 32 | count;
    let mut hash = [0xab; 32];
    // Spread over the index, as hashes are.
    hash[..8].copy_from_slice(&unique.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    hash[8..16].copy_from_slice(&unique.to_be_bytes());
    NewKey {
        // The id uses 62 of the random bits.
        id: KeyId::new(now(), (unique << 2).to_be_bytes()),
        organization: organization(),
        name: "ci-pipeline".parse().unwrap(),
        environment: Environment::Live,
        scopes: ScopeNames::parse("org:read org:write").unwrap(),
        expires_at: None,
        secret: NewSecret {
            hash: KeyHash::from_bytes(hash),
            hint: "tk_live_a1b2c3d4".parse().unwrap(),
        },
        idempotency: None,
    }
}

pub(crate) async fn try_insert(
    store: &SqliteStore,
    key: NewKey,
    limit: KeyLimit,
) -> Result<KeyRecord, StoreError> {
    match store.insert(key, limit, by()).await? {
        Inserted::Created(key) => Ok(key.value),
        Inserted::Replayed(key) => panic!("{key:?} was not asked for before"),
    }
}

pub(crate) async fn insert(store: &SqliteStore) -> KeyRecord {
    try_insert(store, new_key(), KeyLimit::Unlimited).await.unwrap()
}
