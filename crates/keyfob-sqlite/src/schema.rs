//! Brings a file to the schema of this release, or says why it can't be, and leaves it alone.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::connection::{begin_to_write, retry_while_busy};
use crate::{Migration, OpenError, SqliteOptions, TablePrefix};

/// Checks what is there and applies what is missing, all under the file's write lock, so that any
/// number of processes may start at once.
///
/// It works in whatever journal mode the file has: if a migration fails, not even that was changed.
/// References between tables are looked at in the end, as a migration may make tables anew.
pub(crate) fn prepare(connection: &Connection, options: &SqliteOptions) -> Result<(), OpenError> {
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    let prepared = prepare_without_references(connection, options);
    connection.execute_batch("PRAGMA foreign_keys = ON")?;
    prepared
}

fn prepare_without_references(
    connection: &Connection,
    options: &SqliteOptions,
) -> Result<(), OpenError> {
    let patience = options.busy_timeout();
    begin_to_write(connection, patience)?;
    let commit = || connection.execute_batch("COMMIT");
    let prepared = migrate(connection, options)
        .and_then(|()| Ok(retry_while_busy(connection, patience, commit)?));
    if prepared.is_err() && !connection.is_autocommit() {
        // The first error is the one to report, and closing the connection rolls back as well.
        let _ = connection.execute_batch("ROLLBACK");
    }
    prepared
}

fn migrate(connection: &Connection, options: &SqliteOptions) -> Result<(), OpenError> {
    let prefix = options.table_prefix();
    let present = names(connection)?;
    let applied = if present.contains(&format!("{prefix}migrations")) {
        applied(connection, prefix)?
    } else {
        Vec::new()
    };
    let all = Migration::all();
    let known = all.last().map_or(0, Migration::version);
    let found = applied.last().map_or(0, |(version, _)| *version);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for (migration, (version, checksum)) in all.iter().zip(&applied) {
        if *version != migration.version() || *checksum != migration.checksum() {
            let what = format!("migration {version} is not the one that was released");
            return Err(OpenError::Altered { what });
        }
    }
    let missing = &all[applied.len().min(all.len())..];
    let own = Migration::objects_after(&all[..all.len() - missing.len()]);
    let in_the_way = |name: &&'static str| in_set(&present, prefix, name) && !own.contains(name);
    if let Some(name) = missing.iter().flat_map(Migration::objects).find(in_the_way) {
        return Err(OpenError::Foreign { what: format!("there is a `{prefix}{name}`") });
    }
    if !missing.is_empty() && !options.migrations() {
        return Err(OpenError::NotMigrated { found, known });
    }
    for migration in missing {
        connection.execute_batch(&migration.sql(prefix))?;
    }
    if !missing.is_empty() {
        check_references(connection, prefix)?;
    }
    // On a file that can't be written, BEGIN IMMEDIATE begins to read and says nothing. This writes
    // nothing, and fails where something else would.
    connection.execute_batch(&prefix.apply("DELETE FROM {prefix}migrations WHERE false"))?;
    let present = if missing.is_empty() { present } else { names(connection)? };
    match Migration::objects_after(all).into_iter().find(|name| !in_set(&present, prefix, name)) {
        Some(name) => Err(OpenError::Altered { what: format!("`{prefix}{name}` is missing") }),
        None => Ok(()),
    }
}

/// That a table which was made anew has all that others refer to.
fn check_references(connection: &Connection, prefix: &TablePrefix) -> Result<(), OpenError> {
    for table in ["secrets", "events", "idempotency", "usage", "last_uses", "organizations"] {
        let sql = format!("PRAGMA foreign_key_check({prefix}{table})");
        if connection.prepare(&sql)?.exists([])? {
            let what = format!("`{prefix}{table}` refers to what is not there");
            return Err(OpenError::Altered { what });
        }
    }
    Ok(())
}

fn in_set(present: &HashSet<String>, prefix: &TablePrefix, name: &str) -> bool {
    present.contains(&format!("{prefix}{name}"))
}

/// Whatever has a name in this file. SQLite does not tell upper from lower case in names.
fn names(connection: &Connection) -> rusqlite::Result<HashSet<String>> {
    connection
        .prepare("SELECT lower(name) FROM sqlite_schema")?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn applied(
    connection: &Connection,
    prefix: &TablePrefix,
) -> Result<Vec<(i64, [u8; 32])>, OpenError> {
    let sql = prefix.apply("SELECT version, checksum FROM {prefix}migrations ORDER BY version");
    let foreign = || OpenError::Foreign { what: format!("there is a `{prefix}migrations`") };
    let mut statement = connection.prepare(&sql).map_err(|error| match error.into() {
        OpenError::Internal(_) => foreign(),
        other => other,
    })?;
    let rows = statement
        .query_map([], |row| Ok(row.get(0).and_then(|version| Ok((version, row.get(1)?)))))?;
    rows.map(|row| row?.map_err(|_| foreign())).collect()
}
