use std::sync::Arc;
use std::time::{Duration, Instant};

use keyfob::{Clock, DynStore, FeedPosition, ManualClock};
use proptest::test_runner::TestCaseError;

use crate::faulty_store::FaultyStore;
use crate::{Service, builder};

/// One of several processes that serve from one store. It reads the feed when it is told to, and
/// at no other time, so that a case goes the same way each time.
pub(super) struct Node {
    pub(super) service: Service,
    pub(super) store: FaultyStore,
    clock: Arc<ManualClock>,
    /// When it read the feed for the last time since it was started, by the monotonic clock.
    read_at: Option<Duration>,
}

const STALENESS_BOUND: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_secs(60 * 60);

impl Node {
    pub(super) fn new(store: DynStore, clock: &Arc<ManualClock>) -> Self {
        let store = FaultyStore::over(store);
        store.hold_feed(true);
        let service = serve(&store, clock);
        Self { service, store, clock: Arc::clone(clock), read_at: None }
    }

    pub(super) fn restart(&mut self) {
        self.service = serve(&self.store, &self.clock);
        self.read_at = None;
    }

    /// Whether it has not read the feed for so long that it has to ask the store about everything.
    pub(super) fn trusts_nothing(&self) -> bool {
        let now = self.clock.monotonic();
        self.read_at.is_none_or(|read_at| now.saturating_sub(read_at) >= STALENESS_BOUND)
    }

    /// Reads the feed until it has come this far, by a read that began now.
    pub(super) async fn follow(&mut self, position: FeedPosition) -> Result<(), TestCaseError> {
        let begun = Instant::now();
        self.store.hold_feed(false);
        while !self.has_read(position) {
            if begun.elapsed() > PATIENCE {
                let status = self.service.health();
                let reason = format!("a node does not get to {position}: {status:?}");
                return Err(TestCaseError::fail(reason));
            }
            self.store.hint();
            tokio::task::yield_now().await;
        }
        self.store.hold_feed(true);
        self.read_at = Some(self.clock.monotonic());
        Ok(())
    }

    fn has_read(&self, position: FeedPosition) -> bool {
        let status = self.service.health();
        let reached = status.position.is_some_and(|reached| reached >= position);
        reached && status.cache_in_use && status.staleness == Some(Duration::ZERO)
    }
}

fn serve(store: &FaultyStore, clock: &Arc<ManualClock>) -> Service {
    builder(store, clock)
        .with_staleness_bound(STALENESS_BOUND)
        // A read of the feed is held for as long as the case wants.
        .with_lookup_timeout(NEVER)
        .build()
}
