//! Files of earlier releases.

use keyfob_sqlite::{Migration, OpenError, SqliteOptions, SqliteStore, TablePrefix};
use keyfob_store::{
    EventQuery, FoundState, Idempotency, Issued, KeyHash, KeyId, KeyLimit, KeyQuery, KeyState,
    KeyStore, NewKey, PageSize,
};

use crate::database::Database;
use crate::sample::{by, insert, new_key, now, organization, rotation};

const LIVE: [u8; 16] = [0x01; 16];
const REVOKED: [u8; 16] = [0x02; 16];

/// What the release that had the first migration only has left behind: a live key, which a token
/// made, and a revoked one.
fn first_release() -> Database {
    let database = Database::new();
    let migration = Migration::all()[0].sql(&TablePrefix::default());
    database.execute(&format!(
        "PRAGMA journal_mode = WAL; BEGIN; {migration} COMMIT;
         INSERT INTO keyfob_keys VALUES
         (x'01010101010101010101010101010101', 'acme', 'ci', 'live', 'org:read', 1, 'user:1', NULL, 0,
          NULL, NULL, NULL),
         (x'02020202020202020202020202020202', 'acme', 'old', 'test', '', 2, 'user:1', 9, 0,
          3, 'user:2', 'leaked');
         INSERT INTO keyfob_secrets VALUES
         (CAST(zeroblob(31) || x'01' AS BLOB), x'01010101010101010101010101010101', 1,
          'tk_live_a1b2c3d4', 1, NULL, NULL),
         (CAST(zeroblob(31) || x'02' AS BLOB), x'02020202020202020202020202020202', 1,
          'tk_test_a1b2c3d4', 2, NULL, NULL);
         INSERT INTO keyfob_events (at, organization, action, actor, key, details) VALUES
         (1, 'acme', 'key.created', 'user:1', x'01010101010101010101010101010101', '{{}}'),
         (2, 'acme', 'key.created', 'user:1', x'02020202020202020202020202020202', '{{}}'),
         (3, 'acme', 'key.revoked', 'user:2', x'02020202020202020202020202020202', '{{}}');
         INSERT INTO keyfob_idempotency VALUES
         ('acme', 'token', zeroblob(32), x'01010101010101010101010101010101', {});",
        i64::MAX
    ));
    database
}

fn hash(last: u8) -> KeyHash {
    let mut bytes = [0; 32];
    bytes[31] = last;
    KeyHash::from_bytes(bytes)
}

#[tokio::test]
async fn keys_of_the_first_release_are_all_there() {
    let database = first_release();
    let store = database.open().await;
    let (organization, live) = (organization(), KeyId::from_bytes(LIVE));

    let found = store.find(&[hash(1), hash(2)]).await.unwrap();
    let found: Vec<_> =
        found.all().unwrap().into_iter().flatten().map(|key| (key.id, key.state)).collect();
    let revoked = KeyId::from_bytes(REVOKED);
    assert_eq!(found, [(live, FoundState::Active), (revoked, FoundState::Revoked)]);
    assert_eq!(store.keys_in_use(&organization, now()).await.unwrap(), 1);
    let keys = KeyQuery::new(PageSize::MAX);
    let listed = store.list(&organization, keys.clone(), now()).await.unwrap().items;
    assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<_>>(), [revoked, live]);
    assert!(matches!(listed[0].state, KeyState::Revoked(_)));
    let events = store.events(&organization, EventQuery::new(PageSize::MAX)).await.unwrap();
    assert_eq!(events.items.len(), 3);
    let idempotency = Idempotency {
        token: "token".parse().unwrap(),
        fingerprint: [0; 32],
        remembered_until: now(),
    };
    let again = NewKey { idempotency: Some(idempotency), ..new_key() };
    let again = store.insert(again, KeyLimit::Unlimited, by()).await.unwrap();
    assert!(matches!(again, Issued::Replayed(key) if key.id == live));

    store.rotate(&organization, live, rotation(), by()).await.unwrap();
    store.delete_organization(&organization, by()).await.unwrap();
    let found = store.find(&[hash(1)]).await.unwrap().all().unwrap().remove(0).unwrap();
    assert_eq!((found.state, found.secret), (FoundState::OrganizationDeleted, 1));
    let new = insert(&store).await;
    assert_eq!(store.list(&organization, keys, now()).await.unwrap().items, [new]);
    store.close().await;
    database.assert_intact();
}

#[tokio::test]
async fn first_release_is_upgraded_only_if_it_may_be() {
    let database = first_release();
    let before = database.contents();
    let options = SqliteOptions::new(database.path()).with_migrations(false);
    let error = SqliteStore::open_with(options).await.unwrap_err();
    assert!(matches!(error, OpenError::NotMigrated { found: 1, known: 4 }), "{error:?}");
    assert_eq!(database.contents(), before);
}

#[tokio::test]
async fn upgrade_stops_at_a_foreign_table_of_keyfobs_name() {
    let database = first_release();
    database.execute("CREATE TABLE keyfob_usage (x)");
    let before = database.contents();
    let error = SqliteStore::open(database.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert_eq!(database.contents(), before);
}
