use keyfob_sqlite::{SqliteError, SqliteOptions, SqliteStore};
use keyfob_store::{KeyLimit, KeyStore, StoreError};

use crate::database::Database;
use crate::sample::{insert, new_key, now, organization, try_insert};

#[tokio::test]
async fn full_database_refuses_writes_and_answers_reads() {
    const SQLITE_FULL: i32 = 13;
    let database = Database::new();
    let options = SqliteOptions::new(database.path()).with_max_pages(40);
    let store = SqliteStore::open_with(options).await.unwrap();
    let mut made = Vec::new();
    let error = loop {
        match try_insert(&store, new_key(), KeyLimit::Unlimited).await {
            Ok(key) => made.push(key.secrets[0].hash),
            Err(error) => break error,
        }
    };
    let StoreError::Unavailable(source) = error else { panic!("{error:?}") };
    let source = source.downcast::<SqliteError>().unwrap();
    assert_eq!(source.extended_code(), Some(SQLITE_FULL));

    let found = store.find(&made).await.unwrap();
    assert!(found.all().unwrap().iter().all(Option::is_some));
    let count = store.keys_in_use(&organization(), now()).await.unwrap();
    assert_eq!(count, made.len() as u64, "what failed left a part of itself");
    store.close().await;

    let store = database.open().await;
    insert(&store).await;
    store.close().await;
    database.assert_intact();
}

/// A limit on the size of files, which hits the log in the midst of a commit as a full disk does.
#[cfg(unix)]
#[tokio::test]
async fn write_that_fails_below_sqlite_is_not_acknowledged() {
    use std::process::{Command, Stdio};

    use crate::child::{self, Role};

    let database = Database::with_a_key().await;
    let child = child::command(&child::program(), Role::Write, &database);
    let mut limited = Command::new("sh");
    limited
        // Without the trap, the signal that comes with the limit ends the process.
        .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""])
        .arg(child.get_program())
        .args(child.get_args())
        .stdout(Stdio::piped());
    for (name, value) in child.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    limited.env_remove("KEYFOB_TEST_GATE");
    let told = child::run(&mut limited);
    assert!(!told.is_empty());

    let store = database.open().await;
    for id in &told {
        store.get(&organization(), id.parse().unwrap()).await.unwrap();
    }
    insert(&store).await;
    store.close().await;
    database.assert_intact();
}
