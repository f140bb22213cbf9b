use keyfob_store::{KeyId, KeyStore};

use crate::database::Database;
use crate::sample::{by, insert, organization, rotation};

async fn with_a_revoked_key() -> (Database, KeyId) {
    let database = Database::new();
    let store = database.open().await;
    store.delete_organization(&"gone".parse().unwrap(), by()).await.unwrap();
    store.delete_organization(&"gone".parse().unwrap(), by()).await.unwrap();
    let key = insert(&store).await.id;
    store.rotate(&organization(), key, rotation(), by()).await.unwrap();
    store.revoke(&organization(), key, None, by()).await.unwrap();
    store.close().await;
    (database, key)
}

#[tokio::test]
async fn no_sql_makes_a_revoked_key_live_or_edits_the_log() {
    let (database, _) = with_a_revoked_key().await;
    let before = database.contents();
    for sql in [
        "UPDATE keyfob_keys SET revoked_at = NULL, revoked_by = NULL",
        "UPDATE keyfob_keys SET revoked_at = revoked_at + 1",
        "UPDATE keyfob_keys SET revoked_by = 'user:2'",
        "UPDATE keyfob_keys SET revoked_reason = 'another'",
        "UPDATE keyfob_keys SET id = zeroblob(16)",
        "UPDATE keyfob_keys SET number = 99",
        "UPDATE keyfob_keys SET rowid = 99",
        "INSERT OR REPLACE INTO keyfob_keys (number, id, organization, name, environment, scopes, \
         created_at, created_by) SELECT number, zeroblob(16), organization, name, environment, \
         scopes, created_at, created_by FROM keyfob_keys",
        "UPDATE OR REPLACE keyfob_keys SET organization = 'other'",
        "UPDATE keyfob_keys SET environment = 'test'",
        "UPDATE keyfob_keys SET created_at = 0",
        "UPDATE keyfob_keys SET created_by = 'user:2'",
        "DELETE FROM keyfob_keys",
        "INSERT OR REPLACE INTO keyfob_keys (id, organization, name, environment, scopes, \
         created_at, created_by) SELECT id, organization, name, environment, scopes, created_at, \
         created_by FROM keyfob_keys",
        "INSERT INTO keyfob_keys SELECT * FROM keyfob_keys WHERE true \
         ON CONFLICT DO UPDATE SET revoked_at = NULL, revoked_by = NULL",
        "UPDATE keyfob_secrets SET hash = zeroblob(32)",
        "UPDATE keyfob_secrets SET key = 99",
        "UPDATE keyfob_secrets SET hint = 'tk_live_00000000'",
        "DELETE FROM keyfob_secrets",
        "INSERT OR REPLACE INTO keyfob_secrets SELECT * FROM keyfob_secrets",
        "INSERT OR REPLACE INTO keyfob_secrets (hash, key, generation, hint, created_at, retires_at) \
         SELECT hash, key, 9, hint, created_at, 1 FROM keyfob_secrets",
        "INSERT OR REPLACE INTO keyfob_secrets (hash, key, generation, hint, created_at) \
         SELECT zeroblob(32), key, generation, hint, created_at FROM keyfob_secrets",
        "UPDATE keyfob_keys SET name = 'another'",
        "UPDATE keyfob_keys SET scopes = 'org:write'",
        "UPDATE keyfob_keys SET expires_at = 1",
        "UPDATE keyfob_keys SET epoch = 1",
        "INSERT INTO keyfob_secrets (hash, key, generation, hint, created_at, retires_at) \
         SELECT zeroblob(32), key, 9, hint, created_at, 1 FROM keyfob_secrets",
        "UPDATE keyfob_secrets SET retires_at = NULL WHERE generation = 1",
        "UPDATE keyfob_secrets SET retires_at = retires_at + 1",
        "UPDATE keyfob_organizations SET epoch = 1",
        "UPDATE keyfob_organizations SET organization = 'acme'",
        "DELETE FROM keyfob_organizations",
        "INSERT OR REPLACE INTO keyfob_organizations VALUES ('gone', 1)",
        "INSERT INTO keyfob_organizations VALUES ('gone', 1) ON CONFLICT DO UPDATE SET epoch = 1",
        "INSERT INTO keyfob_keys (id, organization, name, environment, scopes, created_at, \
         created_by, epoch) VALUES (zeroblob(16), 'gone', 'n', 'live', '', 0, 'user:1', 1)",
        "UPDATE keyfob_events SET actor = 'user:2'",
        "UPDATE keyfob_events SET position = position + 10",
        "DELETE FROM keyfob_events",
        "INSERT OR REPLACE INTO keyfob_events SELECT * FROM keyfob_events LIMIT 1",
        "INSERT INTO keyfob_events (position, at, organization, action, actor, details) \
         VALUES (-1, 0, 'acme', 'a.b', 'user:1', '{}')",
    ] {
        let error = database.raw().execute_batch(sql).unwrap_err();
        let refused = error.sqlite_error_code();
        assert_eq!(refused, Some(rusqlite::ErrorCode::ConstraintViolation), "{sql}: {error}");
    }
    assert_eq!(database.contents(), before);
}

#[tokio::test]
async fn events_go_to_the_end_of_the_log() {
    let (database, _) = with_a_revoked_key().await;
    let insert = |position: i64| {
        database.raw().execute(
            "INSERT INTO keyfob_events (position, at, organization, action, actor, details) \
             VALUES (?1, 0, 'acme', 'a.b', 'user:1', '{}')",
            [position],
        )
    };
    insert(20).unwrap();
    insert(19).unwrap_err();
    insert(21).unwrap();
}

#[tokio::test]
async fn key_has_one_secret_without_an_end() {
    let database = Database::with_a_key().await;
    let second = "INSERT INTO keyfob_secrets (hash, key, generation, hint, created_at) \
         SELECT zeroblob(32), key, 2, 'tk_live_', 0 FROM keyfob_secrets";
    database.raw().execute_batch(second).unwrap_err();
    database.execute("UPDATE keyfob_secrets SET retires_at = 5");
    // Of a key that was taken over by its hash, no more than the prefix is known.
    database.execute(second);
    database.execute("UPDATE keyfob_secrets SET retires_at = 4 WHERE generation = 1");
}

#[tokio::test]
async fn tables_hold_what_their_types_say() {
    let (database, _) = with_a_revoked_key().await;
    for sql in [
        "INSERT INTO keyfob_keys (id, organization, name, environment, scopes, created_at, \
         created_by) VALUES (x'00', 'acme', 'n', 'live', '', 0, 'user:1')",
        "INSERT INTO keyfob_keys (id, organization, name, environment, scopes, created_at, \
         created_by) VALUES (zeroblob(16), 'acme', 'n', 'prod', '', 0, 'user:1')",
        "INSERT INTO keyfob_keys (id, organization, name, environment, scopes, created_at, \
         created_by) VALUES (zeroblob(16), 'acme', 'n', 'live', '', 'today', 'user:1')",
        "INSERT INTO keyfob_secrets (hash, key, generation, hint, created_at) \
         SELECT zeroblob(31), number, 2, 'tk_live_00000000', 0 FROM keyfob_keys",
        // A whole key where a hint belongs.
        "INSERT INTO keyfob_secrets (hash, key, generation, hint, created_at) \
         SELECT zeroblob(32), number, 2, 'tk_live_' || hex(zeroblob(32)), 0 FROM keyfob_keys",
        "UPDATE keyfob_keys SET disabled = 2",
    ] {
        database.raw().execute_batch(sql).unwrap_err();
    }
}
