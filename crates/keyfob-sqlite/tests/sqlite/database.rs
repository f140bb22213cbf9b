//! A database file in a directory of its own, and what lies in it.

use std::fs;
use std::path::{Path, PathBuf};

use keyfob_sqlite::SqliteStore;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;

pub(crate) struct Database {
    directory: TempDir,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// A file with keyfob's schema and a key in it, closed.
    pub(crate) async fn with_a_key() -> Self {
        let database = Self::new();
        let store = database.open().await;
        crate::sample::insert(&store).await;
        store.close().await;
        database
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory().join("app.db")
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path()).await.unwrap()
    }

    /// A connection as an embedder, or an attacker, would open one.
    pub(crate) fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.raw().execute_batch(sql).unwrap();
    }

    /// Does the same, and leaves the log beside the file, as a process does that dies.
    pub(crate) fn crash(&self, sql: &str) {
        let connection = self.raw();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// The names and bytes of all files. Call it only while nothing has the database open.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.directory())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
            })
            // Shared memory is an index of the log, made anew by whoever opens it.
            .filter(|(name, _)| !name.ends_with("-shm"))
            .collect();
        files.sort();
        files
    }

    pub(crate) fn assert_intact(&self) {
        assert_eq!(self.ask::<String>("PRAGMA integrity_check"), "ok");
        let violations = "SELECT count(*) FROM pragma_foreign_key_check";
        assert_eq!(self.ask::<i64>(violations), 0);
    }

    /// The first value of a query.
    pub(crate) fn ask<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.raw().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
