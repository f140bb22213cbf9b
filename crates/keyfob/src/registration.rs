use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyfob_store::{FeedCursor, NodeId, NodeName, NodeReport, Timestamp};
use tokio::sync::Notify;

use crate::attempts::Attempts;
use crate::clock::Moment;

/// A service as one of the nodes that the store lists, and what hangs on its being listed: its lease.
///
/// Whoever asks whether a change has reached every node goes by the list. So a node that is not on
/// it, or whose last report is so old that it passes for gone, may not honour what it remembers: it
/// asks the store about every key until it has reported again.
pub(crate) struct Registration {
    /// `None`: the service does not register, and its lease hangs on nothing.
    node: Option<Node>,
    staleness_bound: Duration,
    standing: Mutex<Standing>,
    listed: Notify,
    due: Notify,
}

/// Who a node is.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) name: NodeName,
    pub(crate) started_at: Timestamp,
    /// How often it reports at least. No less than its staleness bound.
    pub(crate) interval: Duration,
}

#[derive(Clone, Copy, Default)]
struct Standing {
    reports: Attempts,
    /// The node was taken off the list, for good.
    left: bool,
}

/// A node that has not reported for so many of its intervals passes for gone.
pub(crate) const INTERVALS_UNTIL_GONE: u32 = 3;

impl Registration {
    pub(crate) fn new(node: Option<Node>, staleness_bound: Duration) -> Self {
        let node = node.map(|node| Node { interval: node.interval.max(staleness_bound), ..node });
        let (standing, listed, due) = (Mutex::default(), Notify::new(), Notify::new());
        Self { node, staleness_bound, standing, listed, due }
    }

    pub(crate) const fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    pub(crate) const fn staleness_bound(&self) -> Duration {
        self.staleness_bound
    }

    /// Whether the lease may be renewed by a read of the feed that begins now. If not, a report is
    /// due.
    ///
    /// It is asked before the read. A node that is listed only after it has read the feed might have
    /// missed a change, and its author might have missed the node.
    pub(crate) fn permits_lease(&self, now: Moment) -> bool {
        let permitted = self.is_listed(now);
        if !permitted {
            self.due.notify_one();
        }
        permitted
    }

    /// Whether the node will be on the list for as long as a lease that is renewed now.
    pub(crate) fn is_listed(&self, now: Moment) -> bool {
        let Some(node) = &self.node else { return true };
        let standing = self.standing();
        let until_gone = node.interval.saturating_mul(INTERVALS_UNTIL_GONE);
        let lasts =
            |reported| now.since(reported).saturating_add(self.staleness_bound) <= until_gone;
        !standing.left && standing.reports.last_success.is_some_and(lasts)
    }

    /// Renews the lease, unless the node has left since that was permitted.
    pub(crate) fn renew(&self, renew: impl FnOnce()) {
        if !self.standing().left {
            renew();
        }
    }

    /// Takes the node's lease away for good, so that it can be taken off the list.
    pub(crate) fn leave(&self, end_lease: impl FnOnce()) {
        if self.node.is_some() {
            let mut standing = self.standing();
            standing.left = true;
            end_lease();
        }
    }

    pub(crate) fn has_left(&self) -> bool {
        self.standing().left
    }

    /// What the node says of itself.
    pub(crate) fn report(&self, cursor: FeedCursor, now: Timestamp) -> Option<NodeReport> {
        let node = self.node.clone()?;
        Some(NodeReport {
            id: node.id,
            name: node.name,
            started_at: node.started_at,
            reported_at: now,
            cursor,
            staleness_bound: self.staleness_bound,
            interval: node.interval,
        })
    }

    /// The store took a report that began then.
    pub(crate) fn reported(&self, began: Moment) {
        let was_listed = self.is_listed(began);
        self.standing().reports.last_success = Some(began);
        if !was_listed {
            self.listed.notify_one();
        }
    }

    pub(crate) fn failed(&self) {
        self.standing().reports.failures += 1;
    }

    pub(crate) fn reports(&self) -> Attempts {
        self.standing().reports
    }

    /// Returns when the node is listed that was not: now the lease may be renewed.
    pub(crate) async fn listed(&self) {
        self.listed.notified().await;
    }

    /// Returns when the lease waits for a report.
    pub(crate) async fn due(&self) {
        self.due.notified().await;
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Nothing under this lock panics.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(5);
    const INTERVAL: Duration = Duration::from_secs(10);

    fn node(interval: Duration) -> Node {
        Node {
            id: NodeId::from_bytes([1; 16]),
            name: NodeName::new("api").unwrap(),
            started_at: Timestamp::from_micros(0),
            interval,
        }
    }

    fn at(seconds: u64) -> Moment {
        let time = Duration::from_secs(seconds);
        Moment { monotonic: time, wall: Timestamp::from_micros(0).saturating_add(time) }
    }

    #[test]
    fn lease_is_permitted_as_long_as_the_node_is_listed_through_all_of_it() {
        let registration = Registration::new(Some(node(INTERVAL)), BOUND);
        assert!(!registration.permits_lease(at(0)), "before the first report");
        registration.reported(at(0));
        for (seconds, permitted) in [(0, true), (25, true), (26, false), (30, false)] {
            assert_eq!(registration.permits_lease(at(seconds)), permitted, "{seconds}");
        }
        registration.reported(at(40));
        assert!(registration.permits_lease(at(65)));
    }

    #[test]
    fn sleep_counts_as_silence() {
        let registration = Registration::new(Some(node(INTERVAL)), BOUND);
        registration.reported(at(0));
        let woken = Moment { monotonic: at(1).monotonic, wall: at(3_600).wall };
        assert!(!registration.permits_lease(woken));
    }

    #[test]
    fn node_that_left_has_no_lease_any_more() {
        let registration = Registration::new(Some(node(INTERVAL)), BOUND);
        registration.reported(at(0));
        let mut ended = false;
        registration.leave(|| ended = true);
        assert!(ended);
        registration.reported(at(1));
        assert!(!registration.permits_lease(at(1)));
        registration.renew(|| panic!("it was permitted before, and is not any more"));
    }

    #[test]
    fn bound_that_is_longer_than_the_interval_lengthens_it() {
        let registration = Registration::new(Some(node(INTERVAL)), INTERVAL * 6);
        assert_eq!(registration.node().unwrap().interval, INTERVAL * 6);
        registration.reported(at(0));
        assert!(registration.permits_lease(at(120)));
    }

    #[test]
    fn service_that_does_not_register_hangs_on_nothing() {
        let registration = Registration::new(None, BOUND);
        registration.leave(|| panic!("there is no list to leave"));
        assert!(registration.permits_lease(at(0)));
        assert!(registration.report(FeedCursor::START, Timestamp::from_micros(0)).is_none());
    }
}
