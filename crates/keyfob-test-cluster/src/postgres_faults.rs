use rustix::process::Signal;

use crate::poll::{self, PATIENCE};
use crate::process_tree::ProcessTree;
use crate::{ClusterError, PostgresServer};

/// What a server goes through while it is used.
impl PostgresServer {
    /// Kills all its processes at once, as a power cut would, and returns when they are gone.
    /// [`restart`](Self::restart) brings it back with what it had committed.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ClusterError::TimedOut) if a process could not be killed.
    pub fn kill(&self) -> Result<(), ClusterError> {
        let Some(tree) = self.guard().stop_processes() else { return Ok(()) };
        tree.signal(Signal::KILL);
        let gone = poll::until(PATIENCE, || Ok(tree.is_gone().then_some(())))?;
        gone.ok_or_else(|| ClusterError::TimedOut {
            what: "the end of a killed server".to_owned(),
            output: format!("{tree:?}"),
        })
    }

    /// Stops all its processes where they are, until the guard that is returned is dropped. Its
    /// port still takes connections, and nobody answers on them.
    #[must_use = "the server goes on as soon as this is dropped"]
    pub fn pause(&self) -> Paused {
        Paused(self.guard().stop_processes())
    }

    /// Stops it in good order, if it runs, and starts it again in the same place.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) with the end of its log if it does not start.
    pub fn restart(&self) -> Result<(), ClusterError> {
        self.stop()?;
        self.launch()
    }

    /// Stops it in good order, if it runs, so that it refuses connections until a
    /// [`restart`](Self::restart).
    ///
    /// # Errors
    ///
    /// [`Io`](ClusterError::Io) if what guards it is gone.
    pub fn stop(&self) -> Result<(), ClusterError> {
        self.guard().end("INT")
    }

    /// Ends all sessions of clients, each with an error, and says how many there were.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) if the server is down.
    pub fn terminate_connections(&self) -> Result<u64, ClusterError> {
        let terminated = self.sql(
            "postgres",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )?;
        Ok(terminated.parse().unwrap_or_default())
    }
}

/// A server that stands still until this is dropped.
#[derive(Debug)]
pub struct Paused(Option<ProcessTree>);

impl Paused {
    /// Lets it go on.
    pub fn resume(self) {}
}

impl Drop for Paused {
    fn drop(&mut self) {
        if let Some(tree) = &self.0 {
            tree.signal(Signal::CONT);
        }
    }
}
