use std::fs;
use std::path::{Path, PathBuf};

use keyfob_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::{Connection, params};

use crate::Population;

/// Makes a file of keyfob's schema with the population in it, at this path.
///
/// Rows are written in the order of their tables, and indices and triggers are made anew behind them,
/// by the SQL of the schema itself: 10 million keys in minutes rather than hours.
///
/// # Panics
/// If there is no room for it, or there is a file already.
pub fn populate_sqlite(path: impl AsRef<Path>, population: &Population) {
    let path = path.as_ref();
    assert!(!path.exists(), "{} is there already", path.display());
    let unfinished = path.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_file(&unfinished).expect("a file to be overwritten");
    }
    let store = SqliteStore::open_blocking(&SqliteOptions::new(&unfinished)).expect("a store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(store.close());
    fill(&unfinished, population).expect("room on the disk");
    fs::rename(unfinished, path).expect("a file just written");
}

fn fill(path: &PathBuf, population: &Population) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; \
         PRAGMA cache_size = -1048576; PRAGMA threads = 2; BEGIN",
    )?;
    let later = "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') \
         AND sql IS NOT NULL AND name LIKE 'keyfob_%' ORDER BY type";
    let later: Vec<(String, String, String)> = connection
        .prepare(later)?
        .query_map([], |row| row.try_into())?
        .collect::<Result<_, _>>()?;
    for (name, kind, _) in &later {
        connection.execute_batch(&format!("DROP {kind} {name}"))?;
    }
    insert_rows(&connection, population)?;
    for (_, _, sql) in &later {
        connection.execute_batch(sql)?;
    }
    connection.execute_batch("COMMIT; PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)")
}

/// In the order in which the keys were made, which is the order of all three tables.
fn insert_rows(connection: &Connection, population: &Population) -> rusqlite::Result<()> {
    let mut key = connection.prepare(
        "INSERT INTO keyfob_keys \
         (id, organization, name, environment, scopes, created_at, created_by) \
         VALUES (?1, ?2, 'ci-pipeline', 'live', 'shield:read shield:write', ?3, 'cli')",
    )?;
    let mut secret = connection.prepare(
        "INSERT INTO keyfob_secrets (key, generation, hash, hint, created_at) \
         VALUES (last_insert_rowid(), 1, ?1, 'tk_live_a1b2c3d4', ?2)",
    )?;
    let mut event = connection.prepare(
        "INSERT INTO keyfob_events (at, organization, action, actor, key, details) \
         VALUES (?1, ?2, 'key.created', 'cli', ?3, '{\"name\":\"ci-pipeline\",\
         \"environment\":\"live\",\"scopes\":[\"shield:read\",\"shield:write\"],\
         \"expires_at\":null}')",
    )?;
    for number in 0..population.keys() {
        let (id, owner) = (Population::id(number), population.owner(number));
        let at = Population::made_at(number).as_micros();
        key.execute(params![id.as_bytes(), owner.as_str(), at])?;
        secret.execute(params![population.hash(number).as_bytes(), at])?;
        event.execute(params![at, owner.as_str(), id.as_bytes()])?;
    }
    Ok(())
}
