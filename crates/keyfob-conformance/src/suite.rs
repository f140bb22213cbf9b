use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::check::Check;
use crate::factory::{AnyFactory, StoreFactory};
use crate::failure::{Failure, Outcome};
use crate::stage::Stage;
use crate::{Report, Verdict, rules};

/// After this long a check has failed: something waits for what never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Races need threads that truly run side by side, however few cores there are.
const THREADS: usize = 4;

/// Runs every check, one after the other, each on data and on a runtime of its own.
///
/// # Panics
/// When it is called from async code, or the operating system gives no threads. Failures of the
/// store are in the report.
pub fn run_all(factory: impl StoreFactory) -> Report {
    run_matching(factory, "")
}

/// Runs the checks whose names contain the text.
///
/// # Panics
/// As [`run_all`].
pub fn run_matching(factory: impl StoreFactory, name: &str) -> Report {
    let factory = Arc::new(factory);
    let verdicts = rules::checks()
        .filter(|check| check.name.contains(name))
        .map(|check| Verdict {
            contract: check.contract,
            check: check.name,
            failure: run(check, factory.clone()).err(),
        })
        .collect();
    Report { verdicts }
}

/// The name of every check, in the order that they run.
pub fn check_names() -> impl Iterator<Item = &'static str> {
    rules::checks().map(|check| check.name)
}

fn run(check: &'static Check, factory: Arc<dyn AnyFactory>) -> Outcome {
    let runtime = runtime();
    let checking = async move {
        let stage = Stage::fresh(factory).await?;
        (check.run)(&stage).await
    };
    let outcome = runtime.block_on(async {
        match tokio::time::timeout(PATIENCE, tokio::spawn(checking)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panicked)) => {
                Err(Failure::new("the whole check", "no panic", panicked.to_string()))
            }
            Err(_) => {
                Err(Failure::new("the whole check", format!("an end in {PATIENCE:?}"), "none"))
            }
        }
    });
    // A store that hangs in a blocking thread must not hang the report.
    runtime.shutdown_timeout(Duration::from_secs(5));
    outcome
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .expect("a test can have threads")
}
