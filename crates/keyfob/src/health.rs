use std::time::Duration;

use keyfob_core::Scope;
use keyfob_store::{FeedCursor, FeedPosition, KeyStore, NodeId};

use crate::KeyService;
use crate::clock::Moment;
use crate::core::Core;
use crate::follower::Progress;

/// How a service is doing: what an operator watches. It is known without asking the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Every change of the feed up to here is applied. `None` before the first read.
    pub position: Option<FeedPosition>,
    /// How many positions the feed's end was ahead at the last read. `None` when that failed: the
    /// end may be anywhere.
    pub lag: Option<u64>,
    /// How long ago the last successful read of the feed began: no answer from the cache is older.
    /// `None` before the first read.
    pub staleness: Option<Duration>,
    /// Whether the cache is in use. When it is not, every verification asks the store.
    pub cache_in_use: bool,
    /// As which node the store lists this service. `None` without registration.
    pub node: Option<NodeId>,
    /// How long ago the node last reported to the store. `None` before it did.
    pub last_report: Option<Duration>,
    /// How many of its reports the store did not take.
    pub failed_reports: u64,
    /// How long ago usage was last written down, if there was any. `None` before it was.
    pub last_usage_flush: Option<Duration>,
    /// How often usage could not be written down. It is kept, and sent again.
    pub failed_usage_flushes: u64,
}

impl<S: Scope, St: KeyStore> KeyService<S, St> {
    /// How this service is doing, of what it knows itself: the store is not asked.
    #[must_use]
    pub fn health(&self) -> Health {
        Health::of(&self.core, *self.follower.progress().borrow())
    }
}

impl Health {
    pub(crate) fn of<S: Scope, St: KeyStore>(core: &Core<S, St>, progress: Progress) -> Self {
        let now = core.moment();
        let ago = |then: Option<Moment>| then.map(|then| now.since(then));
        let (reports, flushes) = (core.registration.reports(), core.usage_flushes.get());
        let behind =
            |position: FeedPosition| Some(progress.end?.get().saturating_sub(position.get()));
        Self {
            position: progress.cursor.map(FeedCursor::position),
            lag: progress.cursor.map(FeedCursor::position).and_then(behind),
            staleness: ago(progress.read_began),
            cache_in_use: core.cache.lease_holds(now),
            node: core.registration.node().map(|node| node.id),
            last_report: ago(reports.last_success),
            failed_reports: reports.failures,
            last_usage_flush: ago(flushes.last_success),
            failed_usage_flushes: flushes.failures,
        }
    }
}
