use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyfob_store::StoreError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::request::{Operation, Request, Sharing, request};
use super::writer::Writer;
use crate::postgres_error::Refused;

/// How many requests may wait. Who comes then waits to be let in.
const MOST_WAITING: usize = 1_024;

/// The way to the writer. When it is dropped, the writer finishes what waits and ends.
pub(crate) struct Writes {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Request>>>>,
    /// Closed when the writer has ended.
    running: watch::Sender<()>,
    timeout: Duration,
    long_timeout: Duration,
}

impl Writes {
    /// Starts the writer, on the runtime that this is called on.
    pub(crate) fn start(writer: Writer, timeout: Duration, long_timeout: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let running = watch::Sender::new(());
        let alive = running.subscribe();
        tokio::spawn(async move {
            writer.run(waiting).await;
            drop(alive);
        });
        Self { queue: Mutex::new(Some(queue)), running, timeout, long_timeout }
    }

    /// Has the operation done, and waits for the commit, within its time.
    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O::Answer, StoreError> {
        let is_long = O::SHARES == Sharing::AloneAndLong;
        let deadline = Instant::now() + if is_long { self.long_timeout } else { self.timeout };
        let queue = self.lock().clone().ok_or(Refused::Closed)?;
        let (request, answered) = request(operation);
        let answer = async move {
            queue.send(request).await.map_err(|_| Refused::TaskEnded)?;
            drop(queue);
            answered.await.unwrap_or_else(|_| Err(Refused::TaskEnded.into()))
        };
        timeout_at(deadline, answer).await.unwrap_or_else(|_| Err(Refused::Deadline.into()))
    }

    /// Takes no more, and returns when what waits is done.
    pub(crate) async fn close(&self) {
        drop(self.lock().take());
        self.running.closed().await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::Sender<Box<dyn Request>>>> {
        // Nothing panics while it is held, so it guards a whole state.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
