//! Another process writes all the time, and this one gets its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use keyfob_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;

use crate::database::Database;
use crate::sample::insert;

const PATIENCE: Duration = Duration::from_millis(500);

fn options(database: &Database) -> SqliteOptions {
    SqliteOptions::new(database.path()).with_busy_timeout(PATIENCE)
}

/// Ends when it is dropped.
struct Neighbour {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Neighbour {
    /// Does it again and again, having the lock from the start.
    fn start(database: &Database, mut turn: impl FnMut(&Connection) + Send + 'static) -> Self {
        let connection = database.raw();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        // The disk is no part of these tests.
        let begin = "PRAGMA synchronous = OFF; CREATE TABLE own (x); BEGIN IMMEDIATE";
        connection.execute_batch(begin).unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let ended = end.clone();
        let run = move || {
            while !ended.load(Ordering::Relaxed) {
                turn(&connection);
            }
        };
        Self { end, thread: Some(thread::spawn(run)) }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// SQLite's own handler asks every 100 ms, and finds the lock taken.
#[test]
fn store_opens_beside_a_process_that_writes_all_the_time() {
    let database = Database::new();
    drop(SqliteStore::open_blocking(&options(&database)).unwrap());
    let _neighbour = Neighbour::start(&database, |connection| {
        thread::sleep(Duration::from_millis(95));
        connection.execute_batch("INSERT INTO own VALUES (1); COMMIT").unwrap();
        thread::sleep(Duration::from_millis(5));
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    });
    for _ in 0..3 {
        SqliteStore::open_blocking(&options(&database)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_others_do_not_use_up_the_patience_with_one_that_hangs() {
    let database = Database::new();
    let store = SqliteStore::open_with(options(&database)).await.unwrap();
    let start = Instant::now();
    let _neighbour = Neighbour::start(&database, move |connection| {
        thread::sleep(PATIENCE / 20);
        // Nobody is quick enough to come between the two.
        connection.execute_batch("INSERT INTO own VALUES (1); COMMIT; BEGIN IMMEDIATE").unwrap();
        if start.elapsed() > PATIENCE * 3 / 2 {
            connection.execute_batch("COMMIT").unwrap();
            thread::sleep(PATIENCE / 20);
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
    });
    insert(&store).await;
}
