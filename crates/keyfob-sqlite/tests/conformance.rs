//! Certifies the store against its contract, with as many connections to one file as a check wants.

use keyfob_conformance::{ModelRun, StoreFactory, run_all, run_model};
use keyfob_sqlite::{SqliteOptions, SqliteStore};
use keyfob_store::{BackendError, KeyId};
use tempfile::TempDir;

struct InAFile;

impl StoreFactory for InAFile {
    type Store = SqliteStore;
    type Data = TempDir;

    async fn create(&self) -> Result<TempDir, BackendError> {
        Ok(tempfile::tempdir()?)
    }

    async fn open(&self, directory: &TempDir) -> Result<SqliteStore, BackendError> {
        Ok(SqliteStore::open(directory.path().join("app.db")).await?)
    }

    async fn damage(&self, directory: &TempDir, key: KeyId) -> Result<bool, BackendError> {
        let other = rusqlite::Connection::open(directory.path().join("app.db"))?;
        other.busy_timeout(std::time::Duration::from_secs(5))?;
        let sql = "UPDATE keyfob_keys SET scopes = 'twice twice' WHERE id = ?1";
        Ok(other.execute(sql, [key.as_bytes()])? == 1)
    }
}

#[test]
fn sqlite_store_keeps_the_contract() {
    run_all(InAFile).assert_passed();
}

/// Mapped, and with next to nothing cached.
struct Mapped;

impl StoreFactory for Mapped {
    type Store = SqliteStore;
    type Data = TempDir;

    async fn create(&self) -> Result<TempDir, BackendError> {
        InAFile.create().await
    }

    async fn open(&self, directory: &TempDir) -> Result<SqliteStore, BackendError> {
        let options = SqliteOptions::new(directory.path().join("app.db"));
        let options = options.with_memory_map(1 << 30).with_page_cache(16 << 10);
        Ok(SqliteStore::open_with(options).await?)
    }

    async fn damage(&self, directory: &TempDir, key: KeyId) -> Result<bool, BackendError> {
        InAFile.damage(directory, key).await
    }
}

#[test]
fn mapped_file_never_differs_from_the_model() {
    run_model(Mapped, ModelRun { cases: 32, steps: 60, seed: 3 }).assert_passed();
}

#[test]
fn sqlite_store_never_differs_from_the_model() {
    run_model(InAFile, ModelRun { cases: 64, steps: 60, seed: 2 }).assert_passed();
}
