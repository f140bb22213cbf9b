use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// For how long the cache may be believed without asking: until the staleness bound has passed
/// since the last successful read of the change feed *began*.
///
/// It is a lease, not a time-to-live: it says nothing about the age of an entry. While the feed is
/// followed, an entry of yesterday is as good as the store itself; when it is not, nothing is.
pub(crate) struct Lease {
    bound: Duration,
    /// Nanoseconds of the monotonic clock. 0: there is no lease.
    until: AtomicU64,
}

/// How far a coarse clock may lag. The lease ends that much earlier, so that the bound holds.
const CLOCK_LAG: Duration = Duration::from_millis(10);

impl Lease {
    pub(crate) const fn new(bound: Duration) -> Self {
        Self { bound: bound.saturating_sub(CLOCK_LAG), until: AtomicU64::new(0) }
    }

    pub(crate) fn holds(&self, now: Duration) -> bool {
        nanos(now) < self.until.load(Ordering::Acquire)
    }

    /// Acquired by readers with what the read brought: changes are applied before they are vouched for.
    pub(crate) fn renew(&self, read_began: Duration) {
        self.until.store(nanos(read_began + self.bound), Ordering::Release);
    }

    pub(crate) fn revoke(&self) {
        self.until.store(0, Ordering::Release);
    }
}

/// 64 bits of nanoseconds last 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
