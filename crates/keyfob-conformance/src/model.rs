//! Random operations, done by a store and by a simple model of it, which must never differ.

mod answer;
mod case;
mod draw;
mod operation;
mod perform;
mod player;
mod read;
mod reference;
mod reference_changes;
mod reference_usage;
mod store_model;
mod strategy;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::runtime::Runtime;

use crate::Failure;
use crate::factory::{AnyFactory, StoreFactory};
use crate::failure::Outcome;
use crate::stage::{Stage, splitmix};
use crate::suite::{PATIENCE, runtime};

use case::Case;
use operation::Operation;
use player::Player;
pub use store_model::StoreModel;

/// How long and how often to compare a store with the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelRun {
    /// How often to begin anew, with an empty store.
    pub cases: u32,
    /// How many operations there are in a case.
    pub steps: usize,
    /// What the operations are derived from: the same seed, the same operations.
    pub seed: u64,
}

/// Does random operations by a store and by a model of it, and compares every answer, and all that
/// can be read of the store after each.
///
/// The operations are those of [`KeyStore`](keyfob_store::KeyStore): keys are created, imported,
/// rotated, retired, switched, edited, revoked, used, and deleted with their organizations, while a
/// clock jumps back and forth. When a case fails, operations are left out and made simpler as long
/// as it still does, so that what is reported is short.
///
/// # Panics
/// As [`run_all`](crate::run_all). Differences are in the report.
pub fn run_model(factory: impl StoreFactory, run: ModelRun) -> ModelReport {
    let factory: Arc<dyn AnyFactory> = Arc::new(factory);
    let runtime = runtime();
    let mut chance = chance(run.seed);
    let play = |operations: &[Operation]| play(&runtime, factory.clone(), operations.to_vec());
    let difference = (0..run.cases).find_map(|_| {
        let case = Case::new(&mut chance, run.steps);
        play(&case.operations()).err().map(|failure| case.shrink(failure, play))
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    ModelReport { run, difference }
}

fn chance(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    for (word, index) in bytes.chunks_exact_mut(8).zip(0..) {
        word.copy_from_slice(&splitmix(seed.wrapping_mul(4).wrapping_add(index)).to_be_bytes());
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn play(runtime: &Runtime, factory: Arc<dyn AnyFactory>, operations: Vec<Operation>) -> Outcome {
    let playing = async move {
        let stage = Stage::fresh(factory).await?;
        let mut player = Player::new(&stage).await?;
        for operation in &operations {
            player.play(operation).await?;
        }
        Ok(())
    };
    runtime.block_on(async {
        match tokio::time::timeout(PATIENCE, tokio::spawn(playing)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panicked)) => Err(Failure::new("the case", "no panic", panicked.to_string())),
            Err(_) => Err(Failure::new("the case", format!("an end in {PATIENCE:?}"), "none")),
        }
    })
}

/// What came of comparing a store with the model.
#[derive(Clone, Debug)]
#[must_use = "a report that nobody reads fails no test: see `assert_passed`"]
pub struct ModelReport {
    run: ModelRun,
    /// The operations after which the store differed, and how it did.
    difference: Option<(Vec<Operation>, Failure)>,
}

impl ModelReport {
    /// Whether the store never differed from the model.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.difference.is_none()
    }

    /// Fails the test that it is called in, unless the store never differed from the model.
    ///
    /// # Panics
    /// When it did, with the operations after which it did.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "{self}");
    }
}

impl fmt::Display for ModelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ModelRun { cases, steps, seed } = self.run;
        let Some((operations, failure)) = &self.difference else {
            return writeln!(f, "no difference in {cases} cases of {steps} operations");
        };
        writeln!(f, "the store differs from the model (seed {seed}) after these operations:")?;
        for (number, operation) in (1..).zip(operations) {
            writeln!(f, "{number:>4}. {operation:?}")?;
        }
        write!(f, "{failure}")
    }
}
