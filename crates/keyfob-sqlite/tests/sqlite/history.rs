//! A backup that is restored into the file while a store has it open.

use keyfob_sqlite::SqliteStore;
use keyfob_store::{FeedCursor, KeyStore, StoreError};
use rusqlite::config::DbConfig;

use crate::database::Database;
use crate::sample::{by, insert, organization};

/// Takes the log back to its first event, as a restored backup does.
fn lose_all_but_the_first_event(database: &Database) {
    let connection = database.raw();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
    let sql = "DELETE FROM keyfob_events WHERE position > 1; \
         UPDATE sqlite_sequence SET seq = 1 WHERE name = 'keyfob_events'";
    connection.execute_batch(sql).unwrap();
}

async fn cursor(store: &SqliteStore) -> FeedCursor {
    store.changes(FeedCursor::START, 100).await.unwrap().reached
}

#[tokio::test]
async fn restored_history_is_lost_however_far_it_reaches() {
    for added in 0..5 {
        let database = Database::new();
        let store = database.open().await;
        let neighbour = database.open().await;
        let key = insert(&store).await;
        insert(&store).await;
        insert(&store).await;
        let reached = cursor(&store).await;
        assert_eq!(cursor(&neighbour).await, reached);
        lose_all_but_the_first_event(&database);
        for _ in 0..added {
            neighbour.revoke(&organization(), key.id, None, by()).await.unwrap();
            insert(&neighbour).await;
        }
        for reader in [&store, &neighbour, &store] {
            let error = reader.changes(reached, 10).await.unwrap_err();
            assert!(matches!(error, StoreError::FeedLost), "{added}: {error:?}");
            // Another reader of the same store, with a cursor of its own.
            reader.position().await.unwrap();
        }
        let again = cursor(&store).await;
        let made = insert(&neighbour).await;
        let read = store.changes(again, 10).await.unwrap();
        assert_eq!(read.changes.len(), 1, "{added}: {}", made.id);
    }
}
