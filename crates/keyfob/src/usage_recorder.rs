use std::sync::Arc;
use std::time::Duration;

use keyfob_core::Scope;
use keyfob_store::{KeyStore, StoreError, UsageBatch};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::core::Core;
use crate::report;

/// Writes usage down once in a while.
///
/// What is counted goes to the store in batches. A batch whose answer was lost is sent again as it
/// was, under its id, so that it counts once; what is counted meanwhile waits for the next one.
/// A process that is killed loses what it counted since the last batch that the store took.
pub(crate) struct UsageRecorder {
    task: JoinHandle<()>,
    flushes: mpsc::Sender<Done>,
}

/// Whoever asked for a flush waits here for what it came to.
type Done = oneshot::Sender<Result<(), StoreError>>;

impl UsageRecorder {
    pub(crate) fn start<S: Scope, St: KeyStore>(
        core: &Arc<Core<S, St>>,
        interval: Duration,
    ) -> Self {
        let (flushes, asked) = mpsc::channel(16);
        let recording = Recording { core: Arc::clone(core), pending: None };
        Self { task: core.runtime.spawn(recording.run(interval, asked)), flushes }
    }

    /// Writes down what was counted until now.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        let (done, flushed) = oneshot::channel();
        let gone = || StoreError::Unavailable("the usage recorder has ended".into());
        self.flushes.send(done).await.map_err(|_| gone())?;
        flushed.await.map_err(|_| gone())?
    }
}

impl Drop for UsageRecorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long a batch may take, before it is sent again.
const MOST_PATIENCE: Duration = Duration::from_secs(30);

struct Recording<S, St> {
    core: Arc<Core<S, St>>,
    /// A batch that was sent and not answered.
    pending: Option<UsageBatch>,
}

impl<S: Scope, St: KeyStore> Recording<S, St> {
    async fn run(mut self, interval: Duration, mut asked: mpsc::Receiver<Done>) {
        let mut tick = tokio::time::interval(interval);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                done = asked.recv() => match done {
                    Some(done) => Some(done),
                    None => return,
                },
                _ = tick.tick() => None,
            };
            let began = self.core.moment();
            let flushed = self.flush().await;
            if let Err(error) = &flushed {
                report::usage_not_recorded(error);
            }
            self.core.usage_flushes.note(began, flushed.as_ref().copied());
            if let Some(done) = done {
                // Whoever went away needs no answer.
                let _ = done.send(flushed);
            }
        }
    }

    /// The batch from before first, and then a new one.
    async fn flush(&mut self) -> Result<(), StoreError> {
        // However long the store is away, what is counted belongs to its hour and has its bound.
        self.core.usage.collect();
        self.send().await?;
        let mut id = [0; 16];
        keyfob_core::fill_random(&mut id).map_err(|error| StoreError::Internal(error.into()))?;
        let now = self.core.clock.wall();
        let counts = self.core.usage.take();
        if !counts.is_empty() {
            self.pending = Some(UsageBatch { id, at: now, counts });
        }
        self.send().await
    }

    async fn send(&mut self) -> Result<(), StoreError> {
        if let Some(batch) = &self.pending {
            let recorded = self.core.store.record_usage(batch);
            let timeout = tokio::time::timeout(MOST_PATIENCE, recorded).await;
            timeout.unwrap_or_else(|elapsed| Err(StoreError::Unavailable(elapsed.into())))?;
            self.pending = None;
        }
        Ok(())
    }
}
