//! Another process writes all the time, and this one gets its turn. How it waits for that is tested
//! beside the code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use keyfob_sqlite::SqliteStore;
use rusqlite::Connection;

use crate::database::Database;
use crate::sample::insert;

/// Takes the lock again and again, without a break, and ends when it is dropped.
struct Neighbour {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Neighbour {
    /// Starts one that has the lock.
    fn start(database: &Database) -> Self {
        let connection = database.raw();
        // The disk is no part of these tests.
        connection.execute_batch("PRAGMA synchronous = OFF; CREATE TABLE own (x)").unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        begin(&connection);
        let end = Arc::new(AtomicBool::new(false));
        let ended = end.clone();
        let run = move || {
            while !ended.load(Ordering::Relaxed) {
                connection.execute_batch("INSERT INTO own VALUES (1); COMMIT").unwrap();
                begin(&connection);
            }
        };
        Self { end, thread: Some(thread::spawn(run)) }
    }
}

fn begin(connection: &Connection) {
    while connection.execute_batch("BEGIN IMMEDIATE").is_err() {
        thread::yield_now();
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_opens_and_writes_beside_a_process_that_writes_all_the_time() {
    let database = Database::new();
    database.open().await.close().await;
    let _neighbour = Neighbour::start(&database);
    for _ in 0..10 {
        let store = SqliteStore::open(database.path()).await.unwrap();
        insert(&store).await;
        store.close().await;
    }
}
