use std::sync::Arc;
use std::time::Duration;

use keyfob_core::Scope;
use keyfob_store::{Changes, FeedCursor, FeedPosition, KeyStore, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backoff::Backoff;
use crate::clock::Moment;
use crate::core::Core;
use crate::{Health, report};

/// Follows the change feed: forgets what changes, and renews the lease of the cache.
///
/// It wakes when the store hints that something changed, and polls as well, since a hint may be
/// lost. When the store does not answer it goes on trying; the lease then runs out by itself.
pub(crate) struct Follower {
    task: JoinHandle<()>,
    progress: watch::Receiver<Progress>,
}

/// How far a node has followed the change feed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Every change up to here is applied.
    pub(crate) cursor: Option<FeedCursor>,
    /// Where the last read that brought a change got to, or where the node started over.
    pub(crate) changed: Option<FeedCursor>,
    /// Where the feed ended at the last read, if it succeeded.
    pub(crate) end: Option<FeedPosition>,
    /// When the last read began that got to the end.
    pub(crate) read_began: Option<Moment>,
}

/// How many changes one read of the feed asks for.
const CHANGES_A_READ: usize = 1_024;

/// How long to let a hint that brought nothing rest, so that a store that hints without end is
/// asked a hundred times a second and no more.
const REST: Duration = Duration::from_millis(10);

impl Follower {
    pub(crate) fn start<S: Scope, St: KeyStore>(core: &Arc<Core<S, St>>, poll: Duration) -> Self {
        let (told, progress) = watch::channel(Progress::default());
        let feed = Feed { core: Arc::clone(core), poll, progress: told };
        Self { task: core.runtime.spawn(feed.follow()), progress }
    }

    pub(crate) const fn progress(&self) -> &watch::Receiver<Progress> {
        &self.progress
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
    progress: watch::Sender<Progress>,
}

impl<S: Scope, St: KeyStore> Feed<S, St> {
    async fn follow(self) {
        let mut cursor = None;
        let mut lost = false;
        let mut backoff = Backoff::up_to(self.poll / 2);
        loop {
            match self.step(cursor).await {
                Ok(Step { reached, idle }) => {
                    // To start over proves nothing: the next read may lose the feed again.
                    if cursor.is_some() {
                        backoff.reset();
                        lost = false;
                    }
                    let rest = if idle && cursor == Some(reached) { REST } else { Duration::ZERO };
                    cursor = Some(reached);
                    if idle {
                        self.wait(reached.position(), rest).await;
                    }
                }
                Err(StoreError::FeedLost) => {
                    tracing::warn!("the change feed was lost: the cache starts over");
                    cursor = None;
                    // Once is an event. A store that loses it again and again is an outage.
                    if lost {
                        tokio::time::sleep(backoff.pause()).await;
                    }
                    lost = true;
                }
                Err(error) => {
                    report::feed_read_failed(&error);
                    self.note(|progress| progress.end = None);
                    tokio::time::sleep(backoff.pause()).await;
                }
            }
        }
    }

    /// Reads the feed once. The lease is renewed by the time before the read, and only when the
    /// read got to the end: what lies beyond it may be a revocation.
    async fn step(&self, cursor: Option<FeedCursor>) -> Result<Step, StoreError> {
        let Some(cursor) = cursor else {
            let reached = self.in_time(self.core.store.position()).await?;
            self.core.cache.restart(reached.position());
            self.note(|progress| {
                progress.cursor = Some(reached);
                progress.changed = Some(reached);
                progress.end = Some(reached.position());
            });
            return Ok(Step { reached, idle: false });
        };
        let read_began = self.core.moment();
        let permitted = self.core.registration.permits_lease(read_began);
        let read = self.core.store.changes(cursor, CHANGES_A_READ);
        let Changes { changes, reached, complete } = self.in_time(read).await?;
        self.core.cache.apply(&changes);
        if complete && permitted {
            self.core.registration.renew(|| self.core.cache.renew(read_began));
        }
        // A node that catches up wants to know how far it has to go.
        let end = if complete {
            Some(reached.position())
        } else {
            self.in_time(self.core.store.position()).await.ok().map(FeedCursor::position)
        };
        self.note(|progress| {
            progress.cursor = Some(reached);
            progress.end = end;
            if !changes.is_empty() {
                progress.changed = Some(reached);
            }
            if complete {
                progress.read_began = Some(read_began);
            }
        });
        Ok(Step { reached, idle: complete })
    }

    fn note(&self, note: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(note);
        report::feed_read(&Health::of(&self.core, *self.progress.borrow()));
    }

    /// A read that hangs is an outage like any other.
    async fn in_time<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let timeout = tokio::time::timeout(self.core.feed_timeout, read).await;
        timeout.unwrap_or_else(|elapsed| Err(StoreError::Unavailable(elapsed.into())))
    }

    /// A node that is listed now, and was not, reads the feed at once: its lease waits for that.
    async fn wait(&self, position: FeedPosition, rest: Duration) {
        let hint = async {
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
            }
            self.core.store.wait(position).await;
        };
        let listed = self.core.registration.listed();
        tokio::select! {
            () = hint => {}
            () = listed => {}
            () = tokio::time::sleep(self.poll) => {}
        }
    }
}

struct Step {
    reached: FeedCursor,
    /// Whether there was nothing more to read.
    idle: bool,
}
