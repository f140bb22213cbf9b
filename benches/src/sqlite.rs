use std::path::{Path, PathBuf};

use keyfob_core::KeyHash;
use keyfob_sqlite::{SqliteOptions, SqliteStore};
use keyfob_store::{KeyId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Statement, params};
use tempfile::TempDir;

use crate::{FORMAT, texts};

/// A database file of keyfob's schema with keys in it, removed when it is dropped.
#[derive(Debug)]
pub struct SqliteKeys {
    directory: TempDir,
    /// The keys, as their holders would present them.
    pub texts: Vec<String>,
    /// Their hashes, in the same order.
    pub hashes: Vec<KeyHash>,
}

impl SqliteKeys {
    /// A file with so many keys, on the disk that this directory is on.
    ///
    /// # Panics
    /// If there is no room for it.
    #[must_use]
    pub fn fill(directory: impl AsRef<Path>, keys: usize) -> Self {
        let directory = TempDir::new_in(directory).expect("a directory to write to");
        let texts = texts(keys);
        let hash = |text: &String| FORMAT.parse(text).expect("well-formed").hash();
        let hashes = texts.iter().map(hash).collect();
        let filled = Self { directory, texts, hashes };
        drop(filled.store());
        let connection = filled.connection();
        // Nobody needs the file yet, should this be interrupted.
        connection
            .execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -1048576; BEGIN")
            .expect("a transaction");
        let mut inserts = KeyInserts::prepare(&connection);
        for (number, hash) in filled.hashes.iter().enumerate() {
            inserts.insert(number, hash);
        }
        connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").expect("a commit");
        filled
    }

    /// keyfob's store on the file.
    ///
    /// # Panics
    /// If the file can't be opened.
    #[must_use]
    pub fn store(&self) -> SqliteStore {
        SqliteStore::open_blocking(&SqliteOptions::new(self.path())).expect("a store")
    }

    /// A connection by hand, with what matters for speed set as the store sets it.
    ///
    /// # Panics
    /// If the file can't be opened.
    #[must_use]
    pub fn connection(&self) -> Connection {
        let connection = Connection::open(self.path()).expect("the file is there");
        let pragmas = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536";
        connection.execute_batch(pragmas).expect("five settings");
        connection
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("keys.db")
    }
}

/// The lookup of a key as it is written by hand: one prepared statement, the same SQL as the
/// store's, every column read.
#[derive(Debug)]
pub struct KeyLookup<'c>(Statement<'c>);

/// What is read of a row.
type Row = ([u8; 16], String, String, String, bool, Option<i64>, Option<i64>, Option<i64>);

impl<'c> KeyLookup<'c> {
    /// Prepares the statement.
    ///
    /// # Panics
    /// If the schema is not keyfob's.
    #[must_use]
    pub fn prepare(connection: &'c Connection) -> Self {
        let sql = "SELECT k.id, k.organization, k.environment, k.scopes, k.disabled, k.revoked_at, \
             k.expires_at, s.retires_at FROM keyfob_secrets s \
             CROSS JOIN keyfob_keys k ON k.number = s.key WHERE s.hash = ?1";
        Self(connection.prepare(sql).expect("keyfob's schema"))
    }

    /// Whether there is such a key. Its row is read, and dropped.
    ///
    /// # Panics
    /// If SQLite fails.
    pub fn find(&mut self, hash: &KeyHash) -> bool {
        let row = self.0.query_row([hash.as_bytes()], |row| {
            let row: Row = row.try_into()?;
            Ok(std::hint::black_box(row))
        });
        row.optional().expect("a lookup").is_some()
    }
}

/// The statements that make a key, without the checks that the store makes before: that its id and
/// its hash are new, and that its organization may hold one more.
#[derive(Debug)]
pub struct KeyInserts<'c> {
    key: Statement<'c>,
    secret: Statement<'c>,
    event: Statement<'c>,
}

impl<'c> KeyInserts<'c> {
    /// Prepares the statements.
    ///
    /// # Panics
    /// If the schema is not keyfob's.
    #[must_use]
    pub fn prepare(connection: &'c Connection) -> Self {
        let prepare = |sql: &str| connection.prepare(sql).expect("keyfob's schema");
        Self {
            key: prepare(
                "INSERT INTO keyfob_keys \
                 (id, organization, name, environment, scopes, created_at, created_by) \
                 VALUES (?1, ?2, 'ci-pipeline', 'live', 'shield:read shield:write', ?3, 'cli')",
            ),
            secret: prepare(
                "INSERT INTO keyfob_secrets (hash, key, generation, hint, created_at) \
                 VALUES (?1, (SELECT number FROM keyfob_keys WHERE id = ?2), 1, \
                 'tk_live_a1b2c3d4', ?3)",
            ),
            event: prepare(
                "INSERT INTO keyfob_events (at, organization, action, actor, key, details) \
                 VALUES (?1, ?2, 'key.created', 'cli', ?3, '{\"name\":\"ci-pipeline\",\
                 \"environment\":\"live\",\"scopes\":[\"shield:read\",\"shield:write\"],\
                 \"expires_at\":null}')",
            ),
        }
    }

    /// Inserts a key: the number makes its id, and ten share an organization.
    ///
    /// # Panics
    /// If SQLite fails, or the number or the hash was used before.
    pub fn insert(&mut self, number: usize, hash: &KeyHash) {
        // An id begins with its milliseconds.
        let at = 1_700_000_000_000_000 + 1_000 * i64::try_from(number).expect("63 bits are enough");
        let organization = format!("0190a6e4-5b2c-7d3e-8f40-{:012}", number / 10);
        let id = KeyId::new(Timestamp::from_micros(at), [0; 8]);
        let mut insert = || {
            self.key.execute(params![id.as_bytes(), organization, at])?;
            self.secret.execute(params![hash.as_bytes(), id.as_bytes(), at])?;
            self.event.execute(params![at, organization, id.as_bytes()])
        };
        let _: usize = insert().expect("three rows");
    }
}
