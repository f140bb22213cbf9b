use std::error::Error;
use std::fmt::Write;

use keyfob_store::{KeyLimit, KeyStore, StoreError};

use crate::database::Database;
use crate::sample::{insert, new_key, now, organization, try_insert};

/// All that a log could show of an error.
fn everything(error: &StoreError) -> String {
    let mut shown = format!("{error:?}");
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        write!(shown, "\n{error} {error:?}").unwrap();
        next = error.source();
    }
    shown
}

#[tokio::test]
async fn errors_of_sqlite_hold_no_key_material() {
    let database = Database::new();
    let store = database.open().await;
    insert(&store).await;
    for sabotage in [
        "CREATE TRIGGER refuse BEFORE INSERT ON keyfob_events BEGIN SELECT RAISE(ABORT, 'no'); END",
        "DROP TABLE keyfob_idempotency; ALTER TABLE keyfob_secrets RENAME TO gone",
    ] {
        database.execute(sabotage);
        let key = new_key();
        let (hash, hint) = (key.secret.hash, key.secret.hint);
        let error = try_insert(&store, key, KeyLimit::Unlimited).await.unwrap_err();
        assert!(matches!(error, StoreError::Internal(_)), "{error:?}");
        let shown = everything(&error).to_lowercase();
        let bytes = format!("{:?}", &hash.as_bytes()[..8]);
        for secret in [&hash.to_string()[..16], hint.as_str(), bytes.trim_matches(['[', ']'])] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn value_that_keyfob_does_not_write_is_corrupt() {
    let database = Database::new();
    let store = database.open().await;
    let key = insert(&store).await;
    database.execute("UPDATE keyfob_keys SET scopes = 'a:b  a:b'");
    let found = store.find(&[key.secrets[0].hash]).await.unwrap().all().unwrap_err();
    assert!(matches!(found, StoreError::Corrupt { .. }), "{found:?}");
    assert!(found.to_string().contains("keys.scopes"), "{found}");
    let got = store.get(&organization(), key.id).await.unwrap_err();
    assert!(matches!(got, StoreError::Corrupt { .. }), "{got:?}");
}

#[tokio::test]
async fn lock_held_by_another_is_unavailable_after_the_timeout() {
    let database = Database::new();
    let options = keyfob_sqlite::SqliteOptions::new(database.path())
        .with_busy_timeout(std::time::Duration::from_millis(20));
    let store = keyfob_sqlite::SqliteStore::open_with(options).await.unwrap();
    let holder = database.raw();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = try_insert(&store, new_key(), KeyLimit::Unlimited).await.unwrap_err();
    assert!(refused.is_transient(), "{refused:?}");
    // Reads wait for nobody.
    assert_eq!(store.keys_in_use(&organization(), now()).await.unwrap(), 0);
    holder.execute_batch("COMMIT").unwrap();
    insert(&store).await;
}
