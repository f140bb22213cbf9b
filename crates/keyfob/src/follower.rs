use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyfob_core::Scope;
use keyfob_store::{Changes, FeedPosition, KeyStore, StoreError};
use tokio::task::JoinHandle;

use crate::clock::Moment;
use crate::core::Core;
use crate::report;

/// Follows the change feed: forgets what changes, and renews the lease of the cache.
///
/// It wakes when the store hints that something changed, and polls as well, since a hint may be
/// lost. When the store does not answer it goes on trying; the lease then runs out by itself.
pub(crate) struct Follower {
    task: JoinHandle<()>,
    progress: Arc<Mutex<Progress>>,
}

/// How far a node has followed the change feed: what an operator watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedStatus {
    /// Every change up to here is applied. `None` before the first read.
    pub position: Option<FeedPosition>,
    /// How long ago the last successful read of the feed began: no answer from the cache is older.
    /// `None` before the first read.
    pub staleness: Option<Duration>,
    /// Whether the cache is in use. When it is not, every verification asks the store.
    pub cache_in_use: bool,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    position: Option<FeedPosition>,
    read_began: Option<Moment>,
}

/// How many changes one read of the feed asks for.
const CHANGES_A_READ: usize = 1_024;

/// How long to let a hint that brought nothing rest, so that a store that hints without end is
/// asked a hundred times a second and no more.
const REST: Duration = Duration::from_millis(10);

impl Follower {
    pub(crate) fn start<S: Scope, St: KeyStore>(core: &Arc<Core<S, St>>, poll: Duration) -> Self {
        let progress = Arc::new(Mutex::new(Progress::default()));
        let feed = Feed { core: Arc::clone(core), poll, progress: Arc::clone(&progress) };
        Self { task: core.runtime.spawn(feed.follow()), progress }
    }

    pub(crate) fn status<S: Scope, St: KeyStore>(&self, core: &Core<S, St>) -> FeedStatus {
        let progress = *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let now = core.moment();
        FeedStatus {
            position: progress.position,
            staleness: progress.read_began.map(|began| now.since(began)),
            cache_in_use: core.cache.lease_holds(now),
        }
    }
}

impl Drop for Follower {
    /// With the last clone of its service.
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Feed<S, St> {
    core: Arc<Core<S, St>>,
    poll: Duration,
    progress: Arc<Mutex<Progress>>,
}

impl<S: Scope, St: KeyStore> Feed<S, St> {
    async fn follow(self) {
        let mut position = None;
        loop {
            match self.step(position).await {
                Ok(Step { reached, idle }) => {
                    let rest =
                        if idle && position == Some(reached) { REST } else { Duration::ZERO };
                    position = Some(reached);
                    if idle {
                        self.wait(reached, rest).await;
                    }
                }
                Err(StoreError::FeedLost) => {
                    tracing::warn!("the change feed was lost: the cache starts over");
                    position = None;
                }
                Err(error) => {
                    report::feed_read_failed(&error);
                    tokio::time::sleep(self.poll).await;
                }
            }
        }
    }

    /// Reads the feed once. The lease is renewed by the time before the read, and only when the
    /// read got to the end: what lies beyond it may be a revocation.
    async fn step(&self, position: Option<FeedPosition>) -> Result<Step, StoreError> {
        let Some(position) = position else {
            let reached = self.in_time(self.core.store.position()).await?;
            self.core.cache.restart(reached);
            return Ok(Step { reached, idle: false });
        };
        let read_began = self.core.moment();
        let read = self.core.store.changes(position, CHANGES_A_READ);
        let Changes { changes, reached, complete } = self.in_time(read).await?;
        self.core.cache.apply(&changes);
        if complete {
            self.core.cache.renew(read_began);
        }
        let read_began = complete.then_some(read_began);
        self.note(reached, read_began);
        report::feed_read(reached);
        Ok(Step { reached, idle: complete })
    }

    fn note(&self, reached: FeedPosition, read_began: Option<Moment>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.position = Some(reached);
        progress.read_began = read_began.or(progress.read_began);
    }

    /// A read that hangs is an outage like any other.
    async fn in_time<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let timeout = tokio::time::timeout(self.core.lookup_timeout, read).await;
        timeout.unwrap_or_else(|elapsed| Err(StoreError::Unavailable(elapsed.into())))
    }

    async fn wait(&self, position: FeedPosition, rest: Duration) {
        tokio::time::sleep(rest).await;
        let hint = self.core.store.wait(position);
        // A time-out is the poll.
        let _ = tokio::time::timeout(self.poll.saturating_sub(rest), hint).await;
    }
}

struct Step {
    reached: FeedPosition,
    /// Whether there was nothing more to read.
    idle: bool,
}
