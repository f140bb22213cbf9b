//! Where the tests of this program keep everything: in a SQLite file of each test's directory.

use std::fs;
use std::path::Path;

use keyfob::{KeyStore, UsageBatch};
use keyfob_sqlite::SqliteStore;
use takumo_cloud::DatabaseUrl;

/// How a command is told that there is nothing yet.
pub(crate) const MISSING: &str = "no database at takumo.db";
/// What a database consists of at the least while a server has it: the file, and its log.
pub(crate) const PARTS: usize = 2;

/// The database of a directory.
pub(crate) fn database(directory: &Path) -> DatabaseUrl {
    DatabaseUrl::sqlite(directory.join("takumo.db"))
}

/// Its URL, for a program that runs in the directory.
pub(crate) fn url(_directory: &Path) -> String {
    "sqlite://takumo.db".to_owned()
}

/// All that it holds, in parts with their names.
pub(crate) fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

/// Checks that a server which was killed has left nothing broken.
pub(crate) fn assert_whole(directory: &Path) {
    let connection = rusqlite::Connection::open(directory.join("takumo.db")).unwrap();
    let answer: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok");
}

/// Writes down usage that no server has counted.
pub(crate) fn record_usage(directory: &Path, batch: &UsageBatch) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(directory.join("takumo.db")).await.unwrap();
        store.record_usage(batch).await.unwrap();
        store.close().await;
    });
}
