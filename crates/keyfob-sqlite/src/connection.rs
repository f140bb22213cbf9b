use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{OpenError, SqliteOptions};

/// `STRICT` tables came with 3.37.0.
const OLDEST_SQLITE: i32 = 3_037_000;

/// What every connection is set to. None of it writes to the file.
///
/// - `synchronous=FULL` syncs the log at each commit: an answer survives a power cut.
/// - `trusted_schema=OFF`: a schema that was tampered with runs no function with side effects.
/// - `journal_size_limit` cuts the log back to 64 MiB after a burst.
const PRAGMAS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA journal_size_limit = 67108864;
";

/// Opens the file without changing it.
///
/// Nothing but SQLite may open the file: to close any other descriptor of it would drop the locks
/// of the whole process (POSIX advisory locks), so there are no probes here.
pub(crate) fn open(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let path = options.path();
    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        return Err(OpenError::Unsupported {
            what: "a SQLite store needs a file: keyfob-memory is the store in memory".into(),
        });
    }
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::Unsupported {
            what: format!("SQLite {} is too old: 3.37 is needed", rusqlite::version()),
        });
    }
    if !options.create_if_missing() && !path.exists() {
        return Err(OpenError::NotFound { path: path.to_owned() });
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, options.create_if_missing());
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.busy_timeout())?;
    connection.execute_batch(PRAGMAS)?;
    // In KiB, when negative. More than fits is as good as without end.
    let cache = i32::try_from(options.page_cache() / 1024).unwrap_or(i32::MAX);
    connection.execute_batch(&format!("PRAGMA cache_size = -{};", cache.max(1)))?;
    Ok(connection)
}

/// A connection that can't write. It is not opened as a read-only one: that kind can't recover the
/// log after another process has died.
pub(crate) fn open_for_reading(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let connection = open(options)?;
    let map = i64::try_from(options.memory_map()).unwrap_or(i64::MAX);
    connection.execute_batch(&format!("PRAGMA query_only = ON; PRAGMA mmap_size = {map};"))?;
    Ok(connection)
}

/// Whether closing the last connection copies a log that is left over from a crash into the file.
pub(crate) fn keep_log_on_close(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Switches to a write-ahead log, in which readers never wait for the writer.
pub(crate) fn use_write_ahead_log(
    connection: &Connection,
    patience: Duration,
) -> Result<(), OpenError> {
    let mode: String = retry_while_busy(patience, || {
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
    })?;
    if mode == "wal" {
        return Ok(());
    }
    Err(OpenError::Unsupported {
        what: format!("SQLite can't keep a write-ahead log here: its mode stays `{mode}`"),
    })
}

/// Tries again while another connection is in the way, for so long at most.
///
/// SQLite's own handler naps for up to 100 ms, in which a busy process has taken the lock dozens of
/// times; short naps give everyone a turn. It also gives up at once where two connections would wait
/// for each other, as they do when one recovers the log.
pub(crate) fn retry_while_busy<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    const LONGEST_NAP: Duration = Duration::from_millis(1);
    let start = Instant::now();
    let mut nap = Duration::from_micros(50);
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && start.elapsed() < patience => thread::sleep(nap),
            done => return done,
        }
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
