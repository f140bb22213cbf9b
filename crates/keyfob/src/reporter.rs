use std::sync::Arc;
use std::time::Duration;

use keyfob_core::Scope;
use keyfob_store::{FeedCursor, KeyStore, NodeId, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::core::Core;
use crate::follower::Progress;
use crate::report;

/// Tells the store how far this node is: when it starts, soon after it has applied a change, and
/// once in a while.
pub(crate) struct Reporter {
    task: JoinHandle<()>,
    leave: mpsc::Sender<Done>,
}

/// Whoever asked that the node be forgotten waits here for what came of it.
type Done = oneshot::Sender<Result<(), StoreError>>;

impl Reporter {
    pub(crate) fn start<S: Scope, St: KeyStore>(
        core: &Arc<Core<S, St>>,
        progress: watch::Receiver<Progress>,
        node: NodeId,
        interval: Duration,
    ) -> Self {
        let (leave, asked) = mpsc::channel(16);
        let reporting = Reporting {
            core: Arc::clone(core),
            progress,
            node,
            interval,
            told: None,
            due_at: Instant::now(),
            rests_until: None,
            pause: SHORTEST_PAUSE,
            backoff: Backoff::up_to(LONGEST_BACKOFF),
            tidy: false,
        };
        Self { task: core.runtime.spawn(reporting.run(asked)), leave }
    }

    /// Ends the reports, and takes the node off the list.
    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        let (done, left) = oneshot::channel();
        if self.leave.send(done).await.is_err() {
            // It did before.
            return Ok(());
        }
        left.await.unwrap_or(Ok(()))
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Between reports of changes. While changes come one after the other it doubles, up to the longest,
/// so that many nodes do not keep a store busy with them.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// Between reports that fail, at most.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// A process that is killed stays on the list. The next one that starts takes it off, when it has
/// been silent for so long.
const LONG_GONE: Duration = Duration::from_secs(24 * 60 * 60);

struct Reporting<S, St> {
    core: Arc<Core<S, St>>,
    progress: watch::Receiver<Progress>,
    node: NodeId,
    interval: Duration,
    /// The last change that the store has a report of.
    told: Option<FeedCursor>,
    /// When the next report is due, whatever happens.
    due_at: Instant,
    /// Before this there is none. Even a sleep until now takes a millisecond, which would be one more
    /// before a service trusts its cache.
    rests_until: Option<Instant>,
    pause: Duration,
    backoff: Backoff,
    /// Whether the list was tidied up.
    tidy: bool,
}

impl<S: Scope, St: KeyStore> Reporting<S, St> {
    async fn run(mut self, mut asked: mpsc::Receiver<Done>) {
        loop {
            let done = tokio::select! {
                done = asked.recv() => done,
                () = self.is_due() => {
                    self.report_and_rest().await;
                    continue;
                }
            };
            // The last clone of the service is gone, and this task is about to be.
            let Some(done) = done else { return };
            let forgotten = self.in_time(self.core.store.forget_node(self.node)).await;
            let left = forgotten.is_ok();
            // Whoever went away needs no answer.
            let _ = done.send(forgotten);
            if left {
                return;
            }
        }
    }

    /// Returns when it is time for a report: there is something to tell, or it has been long.
    async fn is_due(&mut self) {
        if let Some(end) = self.rests_until {
            tokio::time::sleep_until(end).await;
            self.rests_until = None;
            let longer = (self.pause * 2).min(LONGEST_PAUSE);
            self.pause = if self.has_news() { longer } else { SHORTEST_PAUSE };
        }
        loop {
            if self.core.registration.has_left() {
                return std::future::pending().await;
            }
            let told = self.told;
            let news = self.progress.wait_for(|progress| progress.changed != told);
            let follower_ended = tokio::select! {
                ended = async { news.await.is_err() } => ended,
                () = self.core.registration.due(), if told.is_some() => {
                    if self.core.registration.is_listed(self.core.moment()) {
                        continue;
                    }
                    false
                }
                () = tokio::time::sleep_until(self.due_at), if told.is_some() => false,
            };
            if follower_ended {
                // So has the service's last clone, and this task is about to.
                return std::future::pending().await;
            }
            return;
        }
    }

    fn has_news(&self) -> bool {
        self.progress.borrow().changed != self.told
    }

    /// It is waited for, so that no report arrives after the node was forgotten.
    async fn report_and_rest(&mut self) {
        let rest = match self.report().await {
            Ok(()) => {
                self.backoff.reset();
                self.pause
            }
            Err(error) => {
                self.core.registration.failed();
                report::node_not_reported(&error);
                self.backoff.pause()
            }
        };
        let now = Instant::now();
        (self.due_at, self.rests_until) = (now + self.interval, Some(now + rest));
        if !self.tidy {
            self.tidy = self.forget_the_long_gone().await.is_ok();
        }
    }

    async fn report(&mut self) -> Result<(), StoreError> {
        let began = self.core.moment();
        let Progress { cursor, changed, .. } = *self.progress.borrow();
        let cursor = cursor.unwrap_or(FeedCursor::START);
        let Some(report) = self.core.registration.report(cursor, self.core.clock.wall()) else {
            return Ok(());
        };
        self.in_time(self.core.store.report_node(report)).await?;
        self.told = changed;
        self.core.registration.reported(began);
        Ok(())
    }

    async fn forget_the_long_gone(&self) -> Result<(), StoreError> {
        let now = self.core.clock.wall();
        for node in self.in_time(self.core.store.nodes()).await? {
            if node.reported_at.saturating_add(LONG_GONE) < now {
                self.in_time(self.core.store.forget_node(node.id)).await?;
            }
        }
        Ok(())
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let timeout = tokio::time::timeout(self.core.feed_timeout, asked).await;
        timeout.unwrap_or_else(|elapsed| Err(StoreError::Unavailable(elapsed.into())))
    }
}
