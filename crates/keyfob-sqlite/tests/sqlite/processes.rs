use std::collections::HashSet;
use std::time::Duration;

use keyfob_sqlite::Migration;
use keyfob_store::{Changed, FoundState, KeyStore};

use crate::child::{self, Role, SLOTS, run_at_once};
use crate::database::Database;
use crate::sample::{insert, now, organization};

#[tokio::test(flavor = "multi_thread")]
async fn racing_processes_fill_the_slots_exactly() {
    for _ in 0..3 {
        let database = Database::new();
        let told = run_at_once(6, Role::Race, &database);
        let created: HashSet<String> = told.into_iter().flatten().collect();
        assert_eq!(created.len() as u64, SLOTS);
        let store = database.open().await;
        assert_eq!(store.keys_in_use(&organization(), now()).await.unwrap(), SLOTS);
        for id in created {
            store.get(&organization(), id.parse().unwrap()).await.unwrap();
        }
    }
}

#[test]
fn processes_that_open_a_fresh_file_at_once_migrate_it_once() {
    for _ in 0..3 {
        let database = Database::new();
        for told in run_at_once(8, Role::Open, &database) {
            assert_eq!(told, ["opened"]);
        }
        let applied = database.ask::<i64>("SELECT count(*) FROM keyfob_migrations");
        assert_eq!(applied, Migration::all().last().unwrap().version());
        assert_eq!(database.ask::<String>("PRAGMA journal_mode"), "wal");
        database.assert_intact();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_by_another_process_is_heard_of() {
    let database = Database::new();
    let store = database.open().await;
    let key = insert(&store).await;
    let before = store.position().await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.wait(before.position()).await }
    });

    child::run(&mut child::command(&child::program(), Role::Revoke, &database));

    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap().unwrap();
    let told = store.changes(before, 10).await.unwrap();
    assert!(told.complete);
    let revoked = Changed::Key { key: key.id, hashes: vec![key.secrets[0].hash] };
    let changed: Vec<_> = told.changes.into_iter().map(|change| change.changed).collect();
    assert_eq!(changed, [revoked]);
    let found = store.find(&[key.secrets[0].hash]).await.unwrap();
    assert!(found.position >= told.reached.position());
    assert_eq!(found.all().unwrap()[0].as_ref().unwrap().state, FoundState::Revoked);
}
