use std::fs;
use std::time::Duration;

use keyfob_sqlite::{Migration, OpenError, SqliteOptions, SqliteStore, TablePrefix};
use keyfob_store::KeyStore;

use crate::child::{self, Role};
use crate::database::Database;
use crate::sample::insert;

/// Opens what can't be opened, and makes sure that it is left as it was.
async fn refused(database: &Database, options: SqliteOptions) -> OpenError {
    let before = database.contents();
    let error = SqliteStore::open_with(options).await.unwrap_err();
    assert_eq!(database.contents(), before, "{error:?}");
    error
}

#[tokio::test]
async fn newer_database_is_refused() {
    let database = Database::with_a_key().await;
    database.execute("INSERT INTO keyfob_migrations VALUES (999, zeroblob(32), 0)");
    let error = refused(&database, SqliteOptions::new(database.path())).await;
    assert!(matches!(error, OpenError::Newer { found: 999, known: 4 }), "{error:?}");
}

#[tokio::test]
async fn refused_database_keeps_the_log_of_a_crash() {
    let database = Database::with_a_key().await;
    database.crash("INSERT INTO keyfob_migrations VALUES (999, zeroblob(32), 0)");
    assert!(database.contents().iter().any(|(name, log)| name == "app.db-wal" && !log.is_empty()));
    let error = refused(&database, SqliteOptions::new(database.path())).await;
    assert!(matches!(error, OpenError::Newer { .. }), "{error:?}");
}

#[tokio::test]
async fn foreign_tables_of_keyfobs_names_are_refused() {
    for sql in [
        "CREATE TABLE keyfob_keys (id INTEGER PRIMARY KEY)",
        "CREATE TABLE KEYFOB_EVENTS (id INTEGER PRIMARY KEY)",
        "CREATE VIEW keyfob_secrets AS SELECT 1",
        "CREATE TABLE keyfob_migrations (version TEXT, note TEXT); \
         INSERT INTO keyfob_migrations VALUES ('one', 'two')",
        "CREATE TABLE keyfob_migrations (version INTEGER, checksum TEXT); \
         INSERT INTO keyfob_migrations VALUES (1, 'abc')",
    ] {
        let database = Database::new();
        database.execute(sql);
        let error = refused(&database, SqliteOptions::new(database.path())).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn altered_schema_is_refused() {
    for sql in [
        "UPDATE keyfob_migrations SET checksum = zeroblob(32)",
        "DROP TRIGGER keyfob_keys_stay_revoked",
        "DROP INDEX keyfob_keys_slots_by_epoch",
        "DROP TABLE keyfob_idempotency",
    ] {
        let database = Database::with_a_key().await;
        database.execute(sql);
        let error = refused(&database, SqliteOptions::new(database.path())).await;
        assert!(matches!(error, OpenError::Altered { .. }), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn damaged_file_is_refused() {
    let whole = Database::with_a_key().await;
    let bytes = fs::read(whole.path()).unwrap();
    let not_a_database = b"This is a text, and it is long enough to have a header.".repeat(100);
    let truncated = bytes[..8192].to_vec();
    let mut overwritten = bytes;
    overwritten[100..4096].fill(0xa5);
    for damaged in [not_a_database, truncated, overwritten] {
        let database = Database::new();
        fs::write(database.path(), damaged).unwrap();
        let error = refused(&database, SqliteOptions::new(database.path())).await;
        assert!(matches!(error, OpenError::Corrupt(_)), "{error:?}");
    }
}

#[tokio::test]
async fn full_disk_is_told_and_nothing_is_half_migrated() {
    let database = Database::new();
    database.execute("CREATE TABLE own (x); INSERT INTO own VALUES (1)");
    let error = refused(&database, SqliteOptions::new(database.path()).with_max_pages(4)).await;
    assert!(matches!(error, OpenError::Full(_)), "{error:?}");
    database.open().await;
}

#[tokio::test]
async fn locked_file_is_waited_for_and_then_told() {
    let database = Database::with_a_key().await;
    let holder = database.raw();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let options = SqliteOptions::new(database.path()).with_busy_timeout(Duration::from_millis(20));
    let error = SqliteStore::open_with(options).await.unwrap_err();
    assert!(matches!(error, OpenError::Busy(_)), "{error:?}");
}

#[tokio::test]
async fn missing_file_is_created_only_if_it_may_be() {
    let database = Database::new();
    let options = SqliteOptions::new(database.path()).with_create_if_missing(false);
    let error = refused(&database, options.clone()).await;
    assert!(matches!(error, OpenError::NotFound { .. }), "{error:?}");
    assert!(database.contents().is_empty());
    database.open().await.close().await;
    SqliteStore::open_with(options).await.unwrap();
}

#[tokio::test]
async fn missing_directory_is_an_error_of_the_file_system() {
    let database = Database::new();
    let path = database.directory().join("missing").join("app.db");
    let error = refused(&database, SqliteOptions::new(path)).await;
    assert!(matches!(error, OpenError::Io(_)), "{error:?}");
}

#[tokio::test]
async fn store_needs_a_file() {
    for path in ["", ":memory:"] {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert!(matches!(error, OpenError::Unsupported { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn own_migrations_are_enough() {
    let database = Database::new();
    database.execute("CREATE TABLE own (x)");
    let options = SqliteOptions::new(database.path()).with_migrations(false);
    let error = refused(&database, options.clone()).await;
    assert!(matches!(error, OpenError::NotMigrated { found: 0, known: 4 }), "{error:?}");

    for migration in Migration::all() {
        let sql = migration.sql(&TablePrefix::default());
        database.execute(&format!("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; {sql} COMMIT;"));
    }
    let store = SqliteStore::open_with(options).await.unwrap();
    insert(&store).await;
}

#[test]
fn store_opens_and_works_without_async_code() {
    let database = Database::new();
    let store = SqliteStore::open_blocking(&SqliteOptions::new(database.path())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(store.position()).unwrap().position().get(), 0);
}

/// What was released is never edited: whoever changes this line breaks every database there is.
#[test]
fn released_migrations_are_what_they_were() {
    let released = [
        "1024ad118e98a3f86eaa69d74f056b483ba051a8be16cd00ea56ed8c79a5ac9e",
        "664dbb66f2cacaf44ad3c248fe5e40bbd0ccbb5a1d749b8210fb649b86b2d1f4",
        "a50bc3280c083f88bca186d2851ad16327c83a192335b451348fcbac52812c52",
        "3a61c49051c0a9fa80b8b507a3973567974b240abdd4083357563974fc683d70",
    ];
    assert_eq!(Migration::all().len(), released.len());
    for (migration, checksum) in Migration::all().iter().zip(released) {
        let sql = migration.sql(&TablePrefix::default());
        assert!(sql.contains(&format!("x'{checksum}'")), "{sql}");
    }
}

/// Permissions do not bind root, so the child gives up that name if it has it.
#[cfg(unix)]
#[tokio::test]
async fn read_only_file_or_directory_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let set = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for (file, directory) in [(0o444, 0o755), (0o444, 0o555), (0o666, 0o555)] {
        for closed_cleanly in [true, false] {
            let database = Database::with_a_key().await;
            if !closed_cleanly {
                database.crash("CREATE TABLE own (x)");
            }
            set(&database.path(), file);
            set(database.directory(), directory);
            let before = database.contents();
            let told = child::run_without_privileges(Role::Open, &database);
            assert_eq!(database.contents(), before);
            set(database.directory(), 0o755);
            assert_eq!(told, ["ReadOnly"], "file {file:o}, directory {directory:o}");
        }
    }
}
