use std::fmt;
use std::io;
use std::process::{ExitCode, ExitStatus};

/// Why a task stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A step ran and did not succeed.
    Step { step: String, status: ExitStatus },
    /// A command could not be started, or its output not be read.
    Command { step: String, source: io::Error },
    /// Something must be there, and can't be brought here.
    Missing(String),
    /// The tests ran, and there was none.
    NoTests,
}

/// Says what went wrong, if something did, and how to tell the caller.
pub(crate) fn report(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { step, status } => write!(f, "step `{step}` failed ({status})"),
            Self::Command { step, source } => write!(f, "step `{step}` could not run: {source}"),
            Self::Missing(what) => f.write_str(what),
            Self::NoTests => f.write_str("step `tests` found no test to run"),
        }
    }
}
