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
    let mode: String = retry_while_busy(connection, patience, || {
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
    })?;
    if mode == "wal" {
        return Ok(());
    }
    Err(OpenError::Unsupported {
        what: format!("SQLite can't keep a write-ahead log here: its mode stays `{mode}`"),
    })
}

/// Takes the write lock in its turn, also beside a process that takes it again and again.
pub(crate) fn begin_to_write(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    // SQLite's own handler would use up all the patience, in naps that miss each turn.
    connection.busy_timeout(Duration::ZERO)?;
    let begun =
        retry_while_busy(connection, patience, || connection.execute_batch("BEGIN IMMEDIATE"));
    connection.busy_timeout(patience)?;
    begun
}

/// However often others commit meanwhile, patience begins anew no more than so often.
const MOST_TURNS: u32 = 6;

/// Tries again while another connection is in the way, until for so long nobody has committed.
///
/// SQLite's own handler naps for up to 100 ms, in which a busy process has taken the lock dozens of
/// times; short naps give everyone a turn. It also gives up at once where two connections would wait
/// for each other, as they do when one recovers the log.
///
/// On a disk that takes a second to sync, as it may while others write to it, a few turns of other
/// processes last as long as one that hangs. What tells the two apart is that something was committed.
pub(crate) fn retry_while_busy<T>(
    connection: &Connection,
    patience: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    const LONGEST_NAP: Duration = Duration::from_millis(1);
    let mut nap = Duration::from_micros(50);
    let mut waiting: Option<Waiting<'_>> = None;
    loop {
        match attempt() {
            Err(error) if is_busy(&error) => {
                if !waiting.get_or_insert_with(|| Waiting::new(connection)).goes_on(patience) {
                    return Err(error);
                }
                thread::sleep(nap);
            }
            done => return done,
        }
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

struct Waiting<'c> {
    connection: &'c Connection,
    since: Instant,
    turns: u32,
    /// Differs when another connection has committed. `None` while the file can't even be read.
    version: Option<i64>,
}

impl<'c> Waiting<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self { connection, since: Instant::now(), turns: 1, version: version(connection) }
    }

    fn goes_on(&mut self, patience: Duration) -> bool {
        if self.since.elapsed() < patience {
            return true;
        }
        let anew = self.begins_anew();
        if anew {
            self.since = Instant::now();
        }
        anew
    }

    fn begins_anew(&mut self) -> bool {
        let before = std::mem::replace(&mut self.version, version(self.connection));
        if self.turns == MOST_TURNS || self.version == before {
            return false;
        }
        self.turns += 1;
        true
    }
}

fn version(connection: &Connection) -> Option<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).ok()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tempfile::TempDir;

    use super::*;

    /// Two connections to one file, of which the second has the lock.
    fn two() -> (TempDir, Connection, Connection) {
        let directory = tempfile::tempdir().unwrap();
        let own = open(&SqliteOptions::new(directory.path().join("app.db"))).unwrap();
        use_write_ahead_log(&own, Duration::ZERO).unwrap();
        let other = Connection::open(directory.path().join("app.db")).unwrap();
        other.execute_batch("CREATE TABLE own (x); BEGIN IMMEDIATE").unwrap();
        (directory, own, other)
    }

    fn commit(other: &Connection) {
        other.execute_batch("INSERT INTO own VALUES (1); COMMIT; BEGIN IMMEDIATE").unwrap();
    }

    #[test]
    fn opening_does_not_let_sqlite_wait_by_itself_for_the_lock() {
        static ASKED: AtomicBool = AtomicBool::new(false);
        let (directory, mut own, _other) = two();
        let ask = |_| {
            ASKED.store(true, Ordering::Relaxed);
            false
        };
        own.busy_handler(Some(ask)).unwrap();
        let options = SqliteOptions::new(directory.path().join("app.db"));
        let options = options.with_busy_timeout(Duration::from_millis(1));
        assert!(crate::schema::prepare(&own, &options).is_err(), "the other has the lock");
        assert!(!ASKED.load(Ordering::Relaxed));
        let wait: i64 = own.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap();
        assert_eq!(wait, 1, "it waits again for anything else");
    }

    #[test]
    fn lock_is_asked_for_until_it_is_free() {
        let (_directory, own, other) = two();
        let mut attempts = 0;
        let begun = retry_while_busy(&own, Duration::from_secs(60), || {
            attempts += 1;
            if attempts == 3 {
                other.execute_batch("COMMIT").unwrap();
            }
            own.execute_batch("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE")
        });
        begun.unwrap();
        assert_eq!(attempts, 3);
    }

    #[test]
    fn patience_begins_anew_when_others_have_committed_but_not_for_ever() {
        let (_directory, own, other) = two();
        let mut waiting = Waiting::new(&own);
        for _ in 1..MOST_TURNS {
            commit(&other);
            assert!(waiting.begins_anew());
        }
        commit(&other);
        assert!(!waiting.begins_anew());
    }

    #[test]
    fn patience_with_one_that_hangs_ends() {
        let (_directory, own, other) = two();
        let mut waiting = Waiting::new(&own);
        assert!(!waiting.begins_anew());
        commit(&other);
        assert!(waiting.begins_anew());
        assert!(!waiting.begins_anew(), "nothing was committed since");
        assert!(!waiting.goes_on(Duration::ZERO));
        assert!(waiting.goes_on(Duration::from_secs(60)));
    }
}
