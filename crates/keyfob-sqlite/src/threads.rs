use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::connection;
use crate::queue::Queue;
use crate::reader::Reader;
use crate::request::{Read, Write};
use crate::schema;
use crate::watcher::Watcher;
use crate::writer::Writer;
use crate::{OpenError, SqliteOptions};

/// The threads of a store: one writes, some answer lookups, some answer lists, and one watches for
/// commits of other processes. Each has its own connection. Dropping this ends them.
#[derive(Debug)]
pub(crate) struct Threads {
    shared: Arc<Shared>,
    /// Every thread holds a receiver until it has closed its connection.
    running: watch::Sender<()>,
}

struct Shared {
    /// Lookups and the feed. Each is short, and every node's verification depends on them.
    lookups: Queue<Read>,
    /// Lists, audit pages and usage. Callers choose how long these take.
    lists: Queue<Read>,
    writes: Queue<Write>,
    watcher: Watcher,
}

impl Threads {
    /// Opens and migrates the file, and starts the threads.
    pub(crate) fn start(options: &SqliteOptions) -> Result<Self, OpenError> {
        let writing = connection::open(options)?;
        let keep_log = has_log(options.path());
        if keep_log {
            // So that a database that is then refused stays as it is.
            connection::keep_log_on_close(&writing, true)?;
        }
        if let Some(pages) = options.max_pages() {
            writing.execute_batch(&format!("PRAGMA max_page_count = {pages};"))?;
        }
        schema::prepare(&writing, options)?;
        connection::use_write_ahead_log(&writing, options.busy_timeout())?;
        if keep_log {
            connection::keep_log_on_close(&writing, false)?;
        }

        let shared = Shared {
            lookups: Queue::new(),
            lists: Queue::new(),
            writes: Queue::new(),
            watcher: Watcher::new(),
        };
        let threads = Self { shared: Arc::new(shared), running: watch::Sender::new(()) };
        let options = Arc::new(options.clone());
        let (reading, readers) = mpsc::channel();
        let writer = move |connection: &Connection, options: &SqliteOptions, ready: Ready<'_>| {
            ready.run(Writer::prepare(connection, options), |writer, shared| {
                writer.run(&shared.writes, |end| shared.watcher.saw(end));
            });
            wait_for_all(&readers);
        };
        threads.spawn("keyfob-sqlite-writer", writing, &options, None, writer)?;
        for _ in 0..options.readers() {
            let reader = |connection: &Connection, options: &SqliteOptions, ready: Ready<'_>| {
                let prepared = Reader::prepare(connection, options.table_prefix());
                ready.run(prepared, |reader, shared| reader.run(&shared.lookups));
            };
            let connection = connection::open_for_reading(&options)?;
            let reading = Some(reading.clone());
            threads.spawn("keyfob-sqlite-lookup", connection, &options, reading, reader)?;
        }
        for _ in 0..options.list_readers() {
            let reader = |connection: &Connection, options: &SqliteOptions, ready: Ready<'_>| {
                let prepared = Reader::prepare(connection, options.table_prefix());
                ready.run(prepared, |reader, shared| reader.run(&shared.lists));
            };
            let connection = connection::open_for_reading(&options)?;
            let reading = Some(reading.clone());
            threads.spawn("keyfob-sqlite-list", connection, &options, reading, reader)?;
        }
        let connection = connection::open_for_reading(&options)?;
        let watcher = |connection: &Connection, options: &SqliteOptions, ready: Ready<'_>| {
            let prepared = Reader::prepare(connection, options.table_prefix());
            ready.run(prepared, |reader, shared| shared.watcher.run(connection, reader));
        };
        threads.spawn("keyfob-sqlite-watcher", connection, &options, Some(reading), watcher)?;
        Ok(threads)
    }

    /// Does the same on a thread of its own, because opening waits for the disk and for locks.
    pub(crate) async fn start_in_background(options: SqliteOptions) -> Result<Self, OpenError> {
        let (started, starting) = oneshot::channel();
        let start = move || {
            // Whoever asked may have gone; then the threads end with the value.
            let _ = started.send(Self::start(&options));
        };
        thread::Builder::new()
            .name("keyfob-sqlite-open".into())
            .spawn(start)
            .map_err(OpenError::Thread)?;
        starting.await.unwrap_or_else(|_| Err(OpenError::Thread(thread_ended())))
    }

    pub(crate) fn lookups(&self) -> &Queue<Read> {
        &self.shared.lookups
    }

    pub(crate) fn lists(&self) -> &Queue<Read> {
        &self.shared.lists
    }

    pub(crate) fn writes(&self) -> &Queue<Write> {
        &self.shared.writes
    }

    pub(crate) fn watcher(&self) -> &Watcher {
        &self.shared.watcher
    }

    /// Tells the threads to finish what is queued and end.
    pub(crate) fn close(&self) {
        self.shared.close();
    }

    /// Returns when every thread has closed its connection.
    pub(crate) async fn ended(&self) {
        self.running.closed().await;
    }

    /// Starts a thread, and returns when it has prepared its statements. What it holds, it drops
    /// when its connection is closed.
    fn spawn(
        &self,
        name: &str,
        connection: Connection,
        options: &Arc<SqliteOptions>,
        holds: Option<mpsc::Sender<()>>,
        body: impl FnOnce(&Connection, &SqliteOptions, Ready<'_>) + Send + 'static,
    ) -> Result<(), OpenError> {
        let (prepared, preparing) = mpsc::channel();
        let (shared, options) = (Arc::clone(&self.shared), Arc::clone(options));
        let running = self.running.subscribe();
        let run = move || {
            let _closing = CloseOnPanic(&shared);
            body(&connection, &options, Ready { prepared, shared: &shared });
            drop(connection);
            drop((holds, running));
        };
        thread::Builder::new().name(name.into()).spawn(run).map_err(OpenError::Thread)?;
        preparing.recv().unwrap_or_else(|_| Err(OpenError::Thread(thread_ended())))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn close(&self) {
        self.lookups.close();
        self.lists.close();
        self.writes.close();
        self.watcher.close();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Tells whoever opens the store how a thread's preparation went.
struct Ready<'t> {
    prepared: mpsc::Sender<Result<(), OpenError>>,
    shared: &'t Shared,
}

impl Ready<'_> {
    fn run<T>(self, prepared: Result<T, OpenError>, work: impl FnOnce(T, &Shared)) {
        // The other side waits for exactly this message.
        match prepared {
            Ok(prepared) => {
                let _ = self.prepared.send(Ok(()));
                work(prepared, self.shared);
            }
            Err(error) => {
                let _ = self.prepared.send(Err(error));
            }
        }
    }
}

/// The writer closes its connection when the others have closed theirs. SQLite tidies the log up
/// when the last connection closes, and with two that close at once, neither may be the last.
fn wait_for_all(others: &mpsc::Receiver<()>) {
    // Nobody sends anything; what ends this is that every sender is gone.
    while others.recv().is_ok() {}
}

/// A thread that panics leaves nobody waiting for an answer.
struct CloseOnPanic<'t>(&'t Shared);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
            self.0.lookups.clear();
            self.0.lists.clear();
            self.0.writes.clear();
        }
    }
}

fn thread_ended() -> std::io::Error {
    std::io::Error::other("a thread of the store ended before the file was open")
}

/// Whether a log lies beside the file that has not been copied into it: another process has the
/// file open, or has died.
fn has_log(path: &Path) -> bool {
    let mut log = OsString::from(path);
    log.push("-wal");
    Path::new(&log).metadata().is_ok_and(|log| log.len() > 0)
}
