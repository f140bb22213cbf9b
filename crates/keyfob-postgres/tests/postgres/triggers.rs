use keyfob_store::{KeyId, KeyStore};
use keyfob_test_cluster::Database;

use crate::database::{contents, database, execute, open};
use crate::sample::{by, insert, organization, rotation};

async fn with_a_revoked_key() -> (Database, KeyId) {
    let database = database();
    let store = open(&database).await;
    store.delete_organization(&"gone".parse().unwrap(), by()).await.unwrap();
    store.delete_organization(&"gone".parse().unwrap(), by()).await.unwrap();
    let key = insert(&store).await.id;
    store.rotate(&organization(), key, rotation(), by()).await.unwrap();
    store.revoke(&organization(), key, None, by()).await.unwrap();
    store.close().await;
    (database, key)
}

const ZEROS: &str = "decode(repeat('00', 32), 'hex')";
const NO_ID: &str = "'00000000-0000-0000-0000-000000000000'";

#[tokio::test]
async fn no_sql_makes_a_revoked_key_live_or_edits_the_log() {
    let (database, _) = with_a_revoked_key().await;
    let before = contents(&database).await;
    for sql in [
        "UPDATE keyfob.keys SET revoked_at = NULL, revoked_by = NULL",
        "UPDATE keyfob.keys SET revoked_at = revoked_at + 1",
        "UPDATE keyfob.keys SET revoked_by = 'user:2'",
        "UPDATE keyfob.keys SET revoked_reason = 'another'",
        "UPDATE keyfob.keys SET disabled = true",
        "UPDATE keyfob.keys SET name = 'another'",
        "UPDATE keyfob.keys SET scopes = 'org:write'",
        "UPDATE keyfob.keys SET expires_at = 1",
        "UPDATE keyfob.keys SET epoch = 1",
        "UPDATE keyfob.keys SET organization = 'other'",
        "UPDATE keyfob.keys SET environment = 'test'",
        "DELETE FROM keyfob.keys",
        "TRUNCATE keyfob.keys CASCADE",
        "INSERT INTO keyfob.keys SELECT * FROM keyfob.keys \
         ON CONFLICT (id) DO UPDATE SET revoked_at = NULL, revoked_by = NULL",
        "INSERT INTO keyfob.keys (id, organization, name, environment, scopes, created_at, \
         created_by, epoch) VALUES ({NO_ID}, 'gone', 'n', 'live', '', 0, 'user:1', 1)",
        "UPDATE keyfob.secrets SET hash = {ZEROS}",
        "UPDATE keyfob.secrets SET key = {NO_ID}",
        "UPDATE keyfob.secrets SET hint = 'tk_live_00000000'",
        "UPDATE keyfob.secrets SET retires_at = NULL WHERE generation = 1",
        "UPDATE keyfob.secrets SET retires_at = retires_at + 1",
        "INSERT INTO keyfob.secrets (hash, key, generation, hint, created_at, retires_at) \
         SELECT {ZEROS}, key, 9, hint, created_at, 1 FROM keyfob.secrets LIMIT 1",
        "DELETE FROM keyfob.secrets",
        "TRUNCATE keyfob.secrets",
        "UPDATE keyfob.organizations SET epoch = 1",
        "UPDATE keyfob.organizations SET organization = 'acme'",
        "INSERT INTO keyfob.organizations VALUES ('gone', 1) \
         ON CONFLICT (organization) DO UPDATE SET epoch = 1",
        "DELETE FROM keyfob.organizations",
        "TRUNCATE keyfob.organizations",
        "UPDATE keyfob.events SET actor = 'user:2'",
        "UPDATE keyfob.events SET tag = gen_random_uuid()",
        "DELETE FROM keyfob.events",
        "TRUNCATE keyfob.events CASCADE",
        "INSERT INTO keyfob.events SELECT * FROM keyfob.events LIMIT 1",
        "INSERT INTO keyfob.events (position, at, organization, action, actor, details) \
         VALUES (-1, 0, 'acme', 'a.b', 'user:1', '{}')",
        "UPDATE keyfob.feed SET hashes = ''",
        "DELETE FROM keyfob.feed",
        "TRUNCATE keyfob.feed",
        "UPDATE keyfob.head SET pruned_through = pruned_through - 1",
        "INSERT INTO keyfob.head DEFAULT VALUES",
        "INSERT INTO keyfob.head VALUES (false)",
        "DELETE FROM keyfob.head",
        "TRUNCATE keyfob.head",
    ] {
        let sql = sql.replace("{ZEROS}", ZEROS).replace("{NO_ID}", NO_ID);
        let error = execute(&database, &sql).await.expect_err(&sql);
        let code = error.code().map_or("none", |code| code.code());
        assert!(code.starts_with("23"), "{sql}: {code}");
    }
    assert_eq!(contents(&database).await, before);
}

#[tokio::test]
async fn unrevoked_key_keeps_its_identity() {
    let database = database();
    let store = open(&database).await;
    insert(&store).await;
    for sql in [
        "UPDATE keyfob.keys SET id = {NO_ID}",
        "UPDATE keyfob.keys SET organization = 'other'",
        "UPDATE keyfob.keys SET environment = 'test'",
        "UPDATE keyfob.keys SET created_at = 0",
        "UPDATE keyfob.keys SET created_by = 'user:2'",
        "UPDATE keyfob.keys SET epoch = 1",
        "INSERT INTO keyfob.secrets (hash, key, generation, hint, created_at) \
         SELECT {ZEROS}, key, 2, hint, created_at FROM keyfob.secrets",
        "INSERT INTO keyfob.secrets (hash, key, generation, hint, created_at) \
         VALUES ({ZEROS}, {NO_ID}, 1, 'tk_live_00000000', 0)",
    ] {
        let sql = sql.replace("{ZEROS}", ZEROS).replace("{NO_ID}", NO_ID);
        let error = execute(&database, &sql).await.expect_err(&sql);
        let code = error.code().map_or("none", |code| code.code());
        assert!(code.starts_with("23"), "{sql}: {code}");
    }
}
