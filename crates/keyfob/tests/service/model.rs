//! Random operations on two nodes that share a store, clocks that jump, feeds that come late: what
//! a node says of a text must never differ from what a simple model says.
//!
//! The model is the one that stores are compared with, so what is compared here is the service:
//! its cache, its lease, its fence and what it does with the time.

mod change;
mod node;
mod operation;
mod player;
mod text;
mod verdict;

use std::time::Duration;

use keyfob::{BackendError, DynStore, KeyId};
use keyfob_conformance::{ModelRun, StoreFactory};
use keyfob_memory::MemoryStore;
use keyfob_sqlite::SqliteStore;
use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tempfile::TempDir;

use operation::{Operation, operation};
use player::{Outcome, Player, failure};

struct InMemory;

impl StoreFactory for InMemory {
    type Store = MemoryStore;
    type Data = MemoryStore;

    async fn create(&self) -> Result<MemoryStore, BackendError> {
        Ok(MemoryStore::new())
    }

    async fn open(&self, data: &MemoryStore) -> Result<MemoryStore, BackendError> {
        Ok(data.clone())
    }

    async fn damage(&self, _data: &MemoryStore, _key: KeyId) -> Result<bool, BackendError> {
        Ok(false)
    }
}

struct InAFile;

impl StoreFactory for InAFile {
    type Store = SqliteStore;
    type Data = TempDir;

    async fn create(&self) -> Result<TempDir, BackendError> {
        Ok(tempfile::tempdir()?)
    }

    async fn open(&self, directory: &TempDir) -> Result<SqliteStore, BackendError> {
        Ok(SqliteStore::open(directory.path().join("app.db")).await?)
    }

    async fn damage(&self, _directory: &TempDir, _key: KeyId) -> Result<bool, BackendError> {
        Ok(false)
    }
}

#[test]
fn service_on_memory_never_differs_from_the_model() {
    compare(&InMemory, ModelRun { cases: 200, steps: 60, seed: 1 });
}

#[test]
fn service_on_sqlite_never_differs_from_the_model() {
    compare(&InAFile, ModelRun { cases: 40, steps: 60, seed: 2 });
}

/// After this long a case has failed: something waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays random cases, and fails with the shortest that can be found when one goes wrong.
///
/// `KEYFOB_MODEL_SEED` is another seed, and `KEYFOB_MODEL_CASES` another number of cases.
fn compare(factory: &impl StoreFactory, run: ModelRun) {
    let asked = |name: &str| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let seed = asked("KEYFOB_MODEL_SEED").unwrap_or(run.seed);
    let cases = asked("KEYFOB_MODEL_CASES").map_or(run.cases, |cases| cases.try_into().unwrap());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, chance);
    let played =
        runner.run(&vec(operation(), 0..=run.steps), |operations| play(factory, &operations));
    let (reason, operations) = match played {
        Ok(()) => return,
        Err(TestError::Fail(reason, operations)) => (reason, operations),
        Err(TestError::Abort(reason)) => panic!("no case was played: {reason}"),
    };
    let numbered = (1..).zip(operations).map(|(number, it)| format!("{number:>4}. {it:?}\n"));
    let listed = numbered.collect::<Vec<_>>().concat();
    panic!(
        "a service differs from the model (seed {seed}) after these operations:\n{listed}{reason}"
    );
}

fn play(factory: &impl StoreFactory, operations: &[Operation]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let failed = |error: BackendError| TestCaseError::fail(format!("no store: {error}"));
        let data = factory.create().await.map_err(failed)?;
        let [one, other] = [factory.open(&data).await, factory.open(&data).await];
        let stores = [one.map_err(failed)?, other.map_err(failed)?].map(DynStore::new);
        let mut player = Player::new(stores);
        let playing = async {
            for operation in operations {
                player.play(operation).await?;
            }
            player.end().await
        };
        tokio::time::timeout(PATIENCE, playing).await.map_err(failure)?
    })
}
