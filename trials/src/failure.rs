use std::io;

use keyfob_test_cluster::ClusterError;

/// Why a trial could not be carried out. A promise that was broken is no failure: that is what a
/// trial finds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A process could not be started, or a file not be written.
    #[error("{what}: {source}")]
    Io {
        /// What was to be done.
        what: &'static str,
        /// Why it could not be.
        source: io::Error,
    },
    /// A server could not be started, or not be broken as it should.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A node did not start.
    #[error("a node could not start: {0}")]
    NotStarted(String),
    /// A node has ended, or was ended.
    #[error("a node is gone")]
    Gone,
    /// A node did not do what it was told.
    #[error("a node could not do it: {message}")]
    Refused {
        /// Whether the same may succeed later.
        transient: bool,
        /// What it said.
        message: String,
    },
    /// A node answered something else than it was asked for.
    #[error("a node gave an answer of another kind")]
    Confused,
    /// One of many runs, which the seed repeats, could not be carried out.
    #[error("the run of seed {seed}: {failure}")]
    InRun {
        /// Of the run.
        seed: u64,
        /// Why it could not.
        failure: Box<Self>,
    },
    /// Something that had to come did not come in time.
    #[error("not in time: {0}")]
    Late(&'static str),
}

impl Failure {
    /// For `map_err`: what could not be done.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// Whether the same may succeed later.
    pub(crate) const fn is_transient(&self) -> bool {
        matches!(self, Self::Refused { transient: true, .. })
    }
}
