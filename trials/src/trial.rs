use std::path::PathBuf;

use crate::failure::Failure;
use crate::findings::Findings;
use crate::trials::{bound, failover, limits, propagation, usage};

/// A promise that is put to the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trial {
    /// How soon a revocation is in force on every node.
    Propagation,
    /// That no node honours a revoked key for longer than the staleness bound, whatever breaks.
    Bound,
    /// That no organization gets more keys than its limit, nor fewer.
    Limits,
    /// That usage is never counted twice, and lost for no longer than a flush interval.
    Usage,
    /// That acknowledged revocations survive the death of the primary.
    Failover,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Seconds: enough to see a promise broken that is broken often.
    Quick,
    /// As much as the figures need that are published.
    Full,
}

/// What keys are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// One file, for processes of one machine.
    Sqlite,
    /// A server of its own.
    Postgres,
}

/// How a trial is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that a node is, called with the argument `node`.
    pub program: PathBuf,
    /// What keys are kept in.
    pub store: Store,
    /// How much of it.
    pub size: Size,
    /// By which chance is drawn.
    pub seed: u64,
    /// Where charts go, if anywhere.
    pub charts: Option<PathBuf>,
}

impl Store {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// The store of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sqlite, Self::Postgres].into_iter().find(|store| store.name() == name)
    }
}

impl Trial {
    /// Every trial, in the order in which they are run.
    pub const ALL: [Self; 5] =
        [Self::Propagation, Self::Bound, Self::Limits, Self::Usage, Self::Failover];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Propagation => "propagation",
            Self::Bound => "bound",
            Self::Limits => "limits",
            Self::Usage => "usage",
            Self::Failover => "failover",
        }
    }

    /// The trial of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trial| trial.name() == name)
    }

    /// Runs it, and prints what it finds.
    ///
    /// # Errors
    /// [`Failure`] when it could not be carried out. Broken promises are among the findings.
    pub async fn run(self, plan: &Plan) -> Result<Findings, Failure> {
        println!("{} on {} (seed {})", self.name(), plan.store.name(), plan.seed);
        match self {
            Self::Propagation => propagation::run(plan).await,
            Self::Bound => bound::run(plan).await,
            Self::Limits => limits::run(plan).await,
            Self::Usage => usage::run(plan).await,
            Self::Failover => failover::run(plan).await,
        }
    }
}
