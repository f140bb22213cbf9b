use std::error::Error;

use keyfob_store::{KeyLimit, KeyStore, NewKey, StoreError};

use crate::database::{database, execute, open};
use crate::sample::{by, insert, new_key, organization, rotation, try_insert};

/// Everything that an error says of itself and of what caused it.
fn text(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<_> = causes.map(|error| format!("{error} {error:?}")).collect();
    texts.join("\n").to_lowercase()
}

/// PostgreSQL quotes the row that it refuses, in a detail that tokio-postgres shows.
#[tokio::test]
async fn error_of_a_refused_row_shows_nothing_of_it() {
    let database = database();
    let store = open(&database).await;
    let known = insert(&store).await;
    // What is read finds nothing, so the row itself has to be refused.
    execute(
        &database,
        "ALTER TABLE keyfob.secrets ADD CONSTRAINT none CHECK (hint = 'other') NOT VALID; \
         CREATE UNIQUE INDEX one_name ON keyfob.keys (name)",
    )
    .await
    .unwrap();
    let key = NewKey { name: "a-name-of-its-own".parse().unwrap(), ..new_key() };
    let checked = try_insert(&store, key.clone(), KeyLimit::Unlimited).await.unwrap_err();
    let same_name = try_insert(&store, new_key(), KeyLimit::Unlimited).await.unwrap_err();
    let turn = rotation();
    let rotated = store.rotate(&organization(), known.id, turn.clone(), by()).await.unwrap_err();
    for error in [checked, same_name, rotated] {
        assert!(matches!(error, StoreError::Internal(_)), "{error:?}");
        let text = text(&error);
        assert!(text.contains("violates"), "{text}");
        for hash in [key.secret.hash, turn.secret.hash, known.secrets[0].hash] {
            assert!(!text.contains(&hash.to_string()[..8]), "{text}");
            assert!(!text.contains("ci-pipeline"), "{text}");
        }
    }
}

#[tokio::test]
async fn table_that_is_gone_is_an_internal_error_and_a_damaged_value_is_corrupt() {
    let database = database();
    let store = open(&database).await;
    let key = insert(&store).await;
    execute(
        &database,
        "SET session_replication_role = replica; UPDATE keyfob.keys SET scopes = 'twice twice'",
    )
    .await
    .unwrap();
    for error in [
        store.get(&organization(), key.id).await.unwrap_err(),
        store.find(&[key.secrets[0].hash]).await.unwrap().all().unwrap_err(),
        store.revoke(&organization(), key.id, None, by()).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        assert!(!text(&error).contains("twice"));
    }
    execute(&database, "DROP TABLE keyfob.nodes").await.unwrap();
    let error = store.nodes().await.unwrap_err();
    assert!(matches!(error, StoreError::Internal(_)), "{error:?}");
}

#[tokio::test]
async fn store_that_is_closed_is_unavailable() {
    let store = open(&database()).await;
    let key = insert(&store).await;
    let other = store.clone();
    store.close().await;
    for error in [
        other.find(&[key.secrets[0].hash]).await.unwrap_err(),
        other.revoke(&organization(), key.id, None, by()).await.unwrap_err(),
        other.get(&organization(), key.id).await.unwrap_err(),
    ] {
        assert!(error.is_transient(), "{error:?}");
    }
}
