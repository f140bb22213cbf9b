use std::time::Duration;

use keyfob_postgres::{Migration, OpenError, PostgresOptions, SchemaName};
use keyfob_store::KeyStore;
use keyfob_test_cluster::Database;
use tokio::task::JoinSet;

use crate::database::{contents, database, execute, open, try_open};
use crate::sample::insert;

/// Opens what can't be opened, and makes sure that it is left as it was.
async fn refused(database: &Database, options: PostgresOptions) -> OpenError {
    let before = contents(database).await;
    let error = try_open(options).await.unwrap_err();
    assert_eq!(contents(database).await, before, "{error:?}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_nodes_that_start_at_once_make_one_schema() {
    for _ in 0..3 {
        let database = database();
        let mut nodes = JoinSet::new();
        for _ in 0..10 {
            let options = PostgresOptions::new(database.socket_url());
            nodes.spawn(async move { try_open(options).await.map(|store| (store, ())) });
        }
        for opened in nodes.join_all().await {
            let (store, ()) = opened.unwrap();
            insert(&store).await;
        }
    }
}

#[tokio::test]
async fn newer_schema_is_refused() {
    let database = database();
    open(&database).await.close().await;
    let newer = "INSERT INTO keyfob.migrations VALUES (999, decode(repeat('00', 32), 'hex'), 0)";
    execute(&database, newer).await.unwrap();
    let error = refused(&database, PostgresOptions::new(database.socket_url())).await;
    assert!(matches!(error, OpenError::Newer { found: 999, known: 2 }), "{error:?}");
}

#[tokio::test]
async fn altered_schema_is_refused() {
    for sql in [
        "UPDATE keyfob.migrations SET checksum = decode(repeat('00', 32), 'hex')",
        "DROP TRIGGER keys_stay_revoked ON keyfob.keys",
        "ALTER TABLE keyfob.keys DISABLE TRIGGER keys_stay_revoked",
        "DROP INDEX keyfob.keys_slots",
        "DROP TABLE keyfob.idempotency",
        "DROP FUNCTION keyfob.check_new_keys CASCADE",
    ] {
        let database = database();
        open(&database).await.close().await;
        execute(&database, sql).await.unwrap();
        let error = refused(&database, PostgresOptions::new(database.socket_url())).await;
        assert!(matches!(error, OpenError::Altered { .. }), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn foreign_tables_of_keyfobs_names_are_refused() {
    for sql in [
        "CREATE TABLE keyfob.keys (id integer)",
        "CREATE VIEW keyfob.secrets AS SELECT 1",
        "CREATE TABLE keyfob.migrations (note text)",
        "CREATE TABLE keyfob.migrations (version integer, checksum text); \
         INSERT INTO keyfob.migrations VALUES (1, 'abc')",
    ] {
        let database = database();
        execute(&database, &format!("CREATE SCHEMA keyfob; {sql}")).await.unwrap();
        let error = refused(&database, PostgresOptions::new(database.socket_url())).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn exported_migrations_make_what_opening_makes() {
    let database = database();
    let options = || PostgresOptions::new(database.socket_url()).with_migrations(false);
    let error = refused(&database, options()).await;
    assert!(matches!(error, OpenError::NotMigrated { found: 0, known: 2 }), "{error:?}");

    execute(&database, "CREATE SCHEMA keyfob").await.unwrap();
    for migration in Migration::all() {
        let sql = migration.sql(&SchemaName::default());
        execute(&database, &format!("BEGIN; {sql} COMMIT")).await.unwrap();
    }
    insert(&try_open(options()).await.unwrap()).await;
}

#[tokio::test]
async fn schemas_of_one_database_know_nothing_of_each_other() {
    let database = database();
    let options = |name| {
        PostgresOptions::new(database.socket_url()).with_schema(SchemaName::new(name).unwrap())
    };
    let one = try_open(options("user")).await.unwrap();
    let other = try_open(options("order")).await.unwrap();
    let key = insert(&one).await;
    assert_eq!(other.find(&[key.secrets[0].hash]).await.unwrap().keys, [Ok(None)]);
}

#[tokio::test]
async fn url_that_can_not_be_read_is_not_repeated() {
    for url in [
        "postgres://app:canary@host:port/db",
        "host=localhost password=canary canary=1",
        "postgres://app:canary@/db?sslmode=canary",
        "canary",
        "",
    ] {
        let error = try_open(PostgresOptions::new(url)).await.unwrap_err();
        assert!(matches!(error, OpenError::InvalidUrl { .. }), "{url}: {error:?}");
        let text = format!("{error} {error:?}").replace("`sslmode`", "");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn server_that_is_not_there_is_unavailable() {
    let options = PostgresOptions::new("postgres://postgres:canary@127.0.0.1:1/db")
        .with_timeout(Duration::from_secs(2));
    let error = try_open(options).await.unwrap_err();
    assert!(matches!(error, OpenError::Unavailable(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("canary"));
}
