use keyfob_sqlite::{SqliteOptions, SqliteStore, TablePrefix};
use keyfob_store::{KeyStore, StoreError};

use crate::database::Database;
use crate::sample::{insert, now, organization};

#[tokio::test]
async fn embedders_own_tables_are_left_alone() {
    let database = Database::new();
    database.execute(
        "PRAGMA user_version = 7; PRAGMA application_id = 8;
         CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
         CREATE TABLE keyfob_notes (x);
         CREATE TRIGGER shout AFTER INSERT ON users BEGIN UPDATE users SET name = upper(name); END;
         INSERT INTO users (name) VALUES ('ann'), ('bob');",
    );
    let theirs = "SELECT group_concat(name || coalesce(sql, ''), ';') FROM \
                  (SELECT * FROM sqlite_schema WHERE tbl_name IN ('users', 'keyfob_notes') ORDER BY 1, 2)";
    let schema: String = database.ask(theirs);

    let store = database.open().await;
    insert(&store).await;
    // Their connection and the store's are open side by side.
    database.execute("INSERT INTO users (name) VALUES ('cid')");
    insert(&store).await;
    store.close().await;

    assert_eq!(database.ask::<String>(theirs), schema);
    let names = "SELECT group_concat(name, ',') FROM users";
    assert_eq!(database.ask::<String>(names), "ANN,BOB,CID");
    assert_eq!(database.ask::<i64>("PRAGMA user_version"), 7);
    assert_eq!(database.ask::<i64>("PRAGMA application_id"), 8);
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM keyfob_notes"), 0);
}

#[tokio::test]
async fn stores_of_two_prefixes_have_nothing_in_common() {
    let database = Database::new();
    let open = |prefix: &str| {
        let prefix = TablePrefix::new(prefix).unwrap();
        SqliteStore::open_with(SqliteOptions::new(database.path()).with_table_prefix(prefix))
    };
    let one = open("auth_").await.unwrap();
    // The names of its tables start with the other's prefix.
    let two = open("auth_two_").await.unwrap();
    let key = insert(&one).await;

    let other = two.get(&organization(), key.id).await;
    assert!(matches!(other, Err(StoreError::NotFound)), "{other:?}");
    assert_eq!(two.find(&[key.secrets[0].hash]).await.unwrap().keys, [Ok(None)]);
    assert_eq!(two.keys_in_use(&organization(), now()).await.unwrap(), 0);
    assert_eq!(two.position().await.unwrap().position().get(), 0);
    assert_eq!(one.position().await.unwrap().position().get(), 1);
}
