//! Processes that are killed at whatever they are at, some hundred times.
//!
//! What a child does is a number: both sides know operation `n` of a lane. A lane is an organization
//! with one operation at a time, so of what a lane was at when it was killed there is at most one
//! that was not acknowledged. The parent does the same operations on a store in memory; what it
//! finds in the file must be what is there, with that one operation or without it.

use std::time::{Duration, Instant};

use keyfob_memory::MemoryStore;
use keyfob_sqlite::SqliteStore;

use crate::child::{self, Role, Talking};
use crate::database::Database;

mod operation;
mod snapshot;

use operation::{Operation, mix};
use snapshot::Snapshot;

const DATABASES: u64 = 10;
const KILLS: u64 = 16;

#[tokio::test]
async fn killed_process_keeps_what_it_acknowledged_and_halves_nothing() {
    kill_often(1).await;
}

/// Here transactions are of several writes, or wait for each other.
#[tokio::test]
async fn killed_process_of_many_writers_keeps_what_it_acknowledged() {
    kill_often(3).await;
}

async fn kill_often(lanes: u8) {
    let mut done = 0;
    for seed in 0..DATABASES {
        let seed = seed * 10 + u64::from(lanes);
        let database = Database::new();
        let mut models: Vec<Model> = (0..lanes).map(|lane| Model::new(seed, lane)).collect();
        for kill in 0..KILLS {
            let told = run_and_kill(&database, seed, &models, mix(&[seed, kill]));
            for (lane, number, outcome) in told.iter().map(|line| heard(line)) {
                models[usize::from(lane)].acknowledged(number, outcome).await;
            }
            let store = database.open().await;
            for model in &mut models {
                model.recover(&store).await;
            }
            store.close().await;
            database.assert_intact();
        }
        done += models.iter().map(|model| model.next).sum::<u64>();
    }
    assert!(done > DATABASES * KILLS, "only {done} operations came to an end");
}

/// Lets a child work until some moment, which may be before it has opened the file.
fn run_and_kill(database: &Database, seed: u64, models: &[Model], random: u64) -> Vec<String> {
    let from: Vec<String> = models.iter().map(|model| model.next.to_string()).collect();
    let mut command = child::command(&child::program(), Role::Operate, database);
    command.env(child::TASK, format!("{seed} {}", from.join(" ")));
    let child = Talking::start(command);
    let mut told = Vec::new();
    for _ in 0..random % 12 {
        told.extend(child.hear(Duration::from_secs(60)));
    }
    // Anywhere in the operation that comes next: a commit takes about that long.
    let until = Instant::now() + Duration::from_micros((random >> 8) % 4_000);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        told.extend(child.hear(left));
    }
    told.extend(child.kill());
    told
}

/// What the child does.
pub(crate) async fn operate(store: SqliteStore, task: &str, tell: fn(String)) {
    let mut numbers = task.split(' ').map(|number| number.parse::<u64>().unwrap());
    let seed = numbers.next().unwrap();
    let lanes: Vec<_> = (0..)
        .zip(numbers)
        .map(|(lane, from)| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in from.. {
                    let outcome = Operation::new(seed, lane, number).run(&store).await;
                    tell(format!("{lane} {number} {outcome}"));
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
}

fn heard(line: &str) -> (u8, u64, &str) {
    let mut parts = line.splitn(3, ' ');
    let mut part = || parts.next().unwrap();
    (part().parse().unwrap(), part().parse().unwrap(), part())
}

/// What a lane of the file has to be.
struct Model {
    seed: u64,
    lane: u8,
    store: MemoryStore,
    next: u64,
}

impl Model {
    fn new(seed: u64, lane: u8) -> Self {
        Self { seed, lane, store: MemoryStore::new(), next: 0 }
    }

    async fn acknowledged(&mut self, number: u64, outcome: &str) {
        assert_eq!(number, self.next, "lane {}", self.lane);
        let operation = self.pending();
        assert_eq!(outcome, operation.run(&self.store).await, "{operation:?}");
        self.next += 1;
    }

    /// Finds out whether the operation took place that was not acknowledged.
    async fn recover(&mut self, store: &SqliteStore) {
        let (seed, lane, next) = (self.seed, self.lane, self.next);
        let found = Snapshot::of(store, seed, lane, next).await;
        let without = Snapshot::of(&self.store, seed, lane, next).await;
        if found == without {
            return;
        }
        let pending = self.pending();
        pending.run(&self.store).await;
        let with = Snapshot::of(&self.store, seed, lane, next).await;
        assert_eq!(found, with, "or without {pending:?}: {without:#?}");
        // A batch of usage is sent again all the same, which must not count.
        if !pending.is_usage() {
            self.next += 1;
        }
    }

    fn pending(&self) -> Operation {
        Operation::new(self.seed, self.lane, self.next)
    }
}
