//! Certifies the store against its contract, with as many connections to one file as a check wants.

use keyfob_conformance::{ModelRun, StoreFactory, run_all, run_model};
use keyfob_sqlite::SqliteStore;
use keyfob_store::BackendError;
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
}

#[test]
fn sqlite_store_keeps_the_contract() {
    run_all(InAFile).assert_passed();
}

#[test]
fn sqlite_store_never_differs_from_the_model() {
    run_model(InAFile, ModelRun { cases: 64, steps: 60, seed: 2 }).assert_passed();
}
