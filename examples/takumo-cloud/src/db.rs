//! Takumo's own tables, in the same SQLite file as keyfob's and apart from them.
//!
//! keyfob keeps keys; who its organizations are is the service's own business. Each embedder has
//! tables like these already, and reaches them its own way: here through one connection on one
//! thread, so that no async worker waits for the disk.
//!
//! A change here and its line in keyfob's log are two transactions: the change first. A process
//! that dies in between has changed a policy, say, without logging it.

mod gateways;
mod migrations;
mod organizations;
mod people;
mod policies;
mod scans;
mod sessions;
mod sign_in_links;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use keyfob::{Environment, OrganizationId};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

pub(crate) use gateways::{Gateway, NewGateway};
pub(crate) use organizations::{Organization, OrganizationChange};
pub(crate) use people::{Member, MemberChange, Membership, Person};
pub(crate) use policies::{Policy, PolicyWrite, Saved};
pub(crate) use scans::{Finding, NewScan, Scan};
pub(crate) use sessions::StoredSession;

/// The connection's thread, by the other end of its queue. A cheap clone; the last one to be
/// dropped ends the thread.
#[derive(Clone)]
pub(crate) struct Database {
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&mut Connection) -> ControlFlow<()> + Send>;

/// How many requests may wait for the connection before the next one waits for a place.
const QUEUE: usize = 256;
/// How long another process's write may hold up one of ours.
const BUSY: Duration = Duration::from_secs(5);

impl Database {
    /// Opens the file, which keyfob's store has made, and brings the tables up to date.
    pub(crate) async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let path = path.to_owned();
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (opened, outcome) = oneshot::channel();
        std::thread::Builder::new()
            .name("takumo-database".into())
            .spawn(move || match connect(&path) {
                Ok(connection) => {
                    if opened.send(Ok(())).is_ok() {
                        work(connection, queue);
                    }
                }
                // Whoever waited may have given up; there is nobody else to tell.
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(DatabaseError::Thread)?;
        outcome.await.map_err(|_| DatabaseError::Stopped)??;
        Ok(Self { jobs })
    }

    /// Runs a piece of work on the connection.
    ///
    /// # Cancel safety
    /// Work that was queued is done, whether or not anybody still waits for its answer.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (answer, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have given up.
            let _ = answer.send(work(connection));
            ControlFlow::Continue(())
        });
        self.jobs.send(job).await.map_err(|_| DatabaseError::Stopped)?;
        outcome.await.map_err(|_| DatabaseError::Stopped)?
    }

    /// Finishes what is queued and closes the connection.
    pub(crate) async fn close(&self) {
        if self.jobs.send(Box::new(|_| ControlFlow::Break(()))).await.is_ok() {
            self.jobs.closed().await;
        }
    }
}

fn connect(path: &Path) -> Result<Connection, DatabaseError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrations::apply(&mut connection)?;
    Ok(connection)
}

fn work(mut connection: Connection, mut queue: mpsc::Receiver<Job>) {
    while let Some(job) = queue.blocking_recv() {
        if job(&mut connection).is_break() {
            break;
        }
    }
    // In this order: that the queue is gone tells that the file is closed.
    drop(connection);
    drop(queue);
}

/// Whose the rows of scans, gateways and policies are. Test and live never see each other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) organization: OrganizationId,
    pub(crate) environment: Environment,
}

/// Why the tables could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite said so.
    #[error("takumo's tables could not be read or written")]
    Sqlite(#[from] rusqlite::Error),
    /// The thread of the connection could not be started.
    #[error("the thread of the database connection could not be started")]
    Thread(#[source] std::io::Error),
    /// The thread of the connection is gone.
    #[error("the database connection has ended")]
    Stopped,
    /// A newer release wrote the tables.
    #[error(
        "takumo's tables have version {found}, and this release knows up to {known}: use a newer one"
    )]
    Newer {
        /// The version of the tables.
        found: u32,
        /// The last version that this release can read.
        known: u32,
    },
    /// A row holds what this program does not write.
    #[error("takumo's tables hold something that takumo did not write: {0}")]
    Corrupt(&'static str),
}

impl DatabaseError {
    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
            ),
            Self::Stopped | Self::Thread(_) => true,
            Self::Newer { .. } | Self::Corrupt(_) => false,
        }
    }
}
