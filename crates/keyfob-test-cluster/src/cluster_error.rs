use std::fmt;
use std::io;

/// Why a part of the cluster could not be started, or not do what it was told.
///
/// `Debug` is the same text as `Display`: that is what a test shows which unwraps it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A program of the system is missing. A test fails by it and is not skipped.
    #[error(
        "{program} is neither on PATH nor where Debian puts it: install the Debian package \
         {package}, or run `cargo xtask test` as root, which does"
    )]
    MissingProgram {
        /// The program.
        program: &'static str,
        /// The package that brings it.
        package: &'static str,
    },
    /// PostgreSQL refuses to run as root, and there is nobody else to run it as.
    #[error("there is no account to run PostgreSQL as, which refuses to run as root")]
    NoAccount,
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("{what} failed: {output}")]
    Failed {
        /// What ran.
        what: String,
        /// What it printed, or the end of its log.
        output: String,
    },
    /// Something was waited for and did not come.
    #[error("{what}: not within the time that was given. {output}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// What there was instead.
        output: String,
    },
}

impl ClusterError {
    /// Names what was being done when the operating system refused.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}

impl fmt::Debug for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
