use keyfob_store::{KeyLimit, KeyStore, StoreError};

use crate::child::poll;
use crate::database::Database;
use crate::sample::{insert, new_key, organization, try_insert};

/// The log beside the file goes when the last connection is closed.
fn is_closed(database: &Database) -> bool {
    !database.directory().join("app.db-wal").exists()
}

#[tokio::test]
async fn dropping_the_last_clone_closes_the_file() {
    let database = Database::new();
    let store = database.open().await;
    let clone = store.clone();
    drop(store);
    insert(&clone).await;
    assert!(!is_closed(&database));
    drop(clone);
    poll("the file is closed", || is_closed(&database));
}

#[tokio::test]
async fn closed_store_has_done_what_it_was_sent_and_refuses_more() {
    let database = Database::new();
    let store = database.open().await;
    let clone = store.clone();
    let key = new_key();
    let id = key.id;
    let (made, ()) = tokio::join!(try_insert(&store, key, KeyLimit::Unlimited), clone.close());
    made.unwrap();
    assert!(is_closed(&database));
    let refused = store.position().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    store.wait(keyfob_store::FeedPosition::new(u64::MAX)).await;
    store.close().await;
    database.open().await.get(&organization(), id).await.unwrap();
}
