use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyfob_store::FeedPosition;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::reader::Reader;

/// How often another process's commits are looked for, while someone waits.
const POLL: Duration = Duration::from_millis(25);

/// Tells those who wait that the feed has moved: at once for commits of this store, and within
/// [`POLL`] for those of other processes.
#[derive(Debug)]
pub(crate) struct Watcher {
    seen: watch::Sender<Seen>,
    watch: Mutex<Watch>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    end: FeedPosition,
    open: bool,
}

#[derive(Debug)]
struct Watch {
    waiting: usize,
    open: bool,
}

impl Watcher {
    pub(crate) fn new() -> Self {
        Self {
            seen: watch::Sender::new(Seen { end: FeedPosition::START, open: true }),
            watch: Mutex::new(Watch { waiting: 0, open: true }),
            changed: Condvar::new(),
        }
    }

    /// Takes note that the feed reaches this far.
    pub(crate) fn saw(&self, end: FeedPosition) {
        self.seen.send_if_modified(|seen| {
            let further = end > seen.end;
            seen.end = seen.end.max(end);
            further
        });
    }

    /// Returns when the feed is known to reach beyond the position, or the store is closed.
    pub(crate) async fn wait(&self, after: FeedPosition) {
        let mut seen = self.seen.subscribe();
        let _waiting = Waiting::new(self);
        // The sender is `self`'s own, so it does not go away.
        let _ = seen.wait_for(|seen| seen.end > after || !seen.open).await;
    }

    pub(crate) fn close(&self) {
        self.lock().open = false;
        self.changed.notify_all();
        self.seen.send_modify(|seen| seen.open = false);
    }

    /// Watches for commits of other connections, until it is closed. `data_version` is a number in
    /// shared memory, and a look at it costs microseconds.
    pub(crate) fn run(&self, connection: &Connection, mut reader: Reader<'_>) {
        let Ok(mut version) = connection.prepare("PRAGMA data_version") else { return };
        let mut last: Option<i64> = None;
        while self.is_needed() {
            // Failures are left to those who ask the store itself: this is a hint.
            let now = version.query_row([], |row| row.get(0)).ok();
            if (now.is_none() || now != last)
                && let Ok(end) = reader.end_of_feed()
            {
                self.saw(end);
                last = now;
            }
            let watch = self.lock();
            let nap = self.changed.wait_timeout_while(watch, POLL, |watch| watch.open);
            drop(nap);
        }
    }

    /// Sleeps until someone waits; false when the store is closed.
    fn is_needed(&self) -> bool {
        let watch = self.lock();
        let idle = |watch: &mut Watch| watch.open && watch.waiting == 0;
        let watch = self.changed.wait_while(watch, idle).unwrap_or_else(PoisonError::into_inner);
        watch.open
    }

    fn lock(&self) -> MutexGuard<'_, Watch> {
        // Nothing panics while it is held, so it guards a whole state.
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waiting<'w>(&'w Watcher);

impl<'w> Waiting<'w> {
    fn new(watcher: &'w Watcher) -> Self {
        let mut watch = watcher.lock();
        watch.waiting += 1;
        if watch.waiting == 1 {
            watcher.changed.notify_all();
        }
        Self(watcher)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}
