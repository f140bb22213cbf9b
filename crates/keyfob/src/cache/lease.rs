use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Moment;

/// For how long the cache may be believed without asking: until the staleness bound has passed
/// since the last successful read of the change feed *began*.
///
/// It is a lease, not a time-to-live: it says nothing about the age of an entry. While the feed is
/// followed, an entry of yesterday is as good as the store itself; when it is not, nothing is.
///
/// It holds as long as two clocks say so. While the machine sleeps, one of them may stand still. A
/// time of day that is set, forward past the end or back before the beginning, ends it too early,
/// which costs lookups until the feed is read the next time.
pub(crate) struct Lease {
    bound: Duration,
    /// Nanoseconds of the monotonic clock. 0: there is no lease.
    until: AtomicU64,
    /// Microseconds of the time of day.
    began: AtomicI64,
}

/// How far a coarse clock may lag. The lease ends that much earlier, so that the bound holds.
pub(crate) const CLOCK_LAG: Duration = Duration::from_millis(10);

impl Lease {
    pub(crate) const fn new(bound: Duration) -> Self {
        let bound = bound.saturating_sub(CLOCK_LAG);
        Self { bound, until: AtomicU64::new(0), began: AtomicI64::new(0) }
    }

    /// Each clock is compared with the last renewal that can be seen by it. These may be two, of
    /// which either is enough: what the later one vouches for, the earlier did as well.
    pub(crate) fn holds(&self, now: Moment) -> bool {
        let by_monotonic = nanos(now.monotonic) < self.until.load(Ordering::Acquire);
        let gone = now.wall.as_micros().wrapping_sub(self.began.load(Ordering::Acquire));
        // Below zero it becomes more than any bound.
        let by_wall = u128::from(gone.cast_unsigned()) < self.bound.as_micros();
        by_monotonic && by_wall
    }

    /// Acquired by readers with what the read brought: changes are applied before they are vouched for.
    pub(crate) fn renew(&self, read_began: Moment) {
        self.began.store(read_began.wall.as_micros(), Ordering::Release);
        self.until.store(nanos(read_began.monotonic.saturating_add(self.bound)), Ordering::Release);
    }

    pub(crate) fn revoke(&self) {
        self.until.store(0, Ordering::Release);
    }
}

/// 64 bits of nanoseconds last 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use keyfob_store::Timestamp;

    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;

    /// So long after the lease began, by each of the clocks, in microseconds.
    fn after(monotonic: i64, wall: i64) -> Moment {
        Moment {
            monotonic: Duration::from_micros(u64::try_from(HOUR + monotonic).unwrap()),
            wall: Timestamp::from_micros(1_800_000_000 * SECOND + wall),
        }
    }

    fn lease() -> Lease {
        let lease = Lease::new(Duration::from_secs(5));
        lease.renew(after(0, 0));
        lease
    }

    #[test]
    fn lease_ends_before_the_bound_by_either_clock() {
        let lease = lease();
        let end = 5 * SECOND - 10_000;
        for (monotonic, wall, holds) in [
            (0, 0, true),
            (end - 1, end - 1, true),
            (end, end - 1, false),
            (end - 1, end, false),
            (0, end, false),
            (end, 0, false),
        ] {
            assert_eq!(lease.holds(after(monotonic, wall)), holds, "{monotonic}, {wall}");
        }
    }

    #[test]
    fn sleep_and_set_clocks_never_lengthen_the_lease() {
        for wall in [-HOUR, -1, 5 * SECOND, HOUR, 24 * HOUR, i64::MAX / 2, i64::MIN / 2] {
            assert!(!lease().holds(after(1, wall)), "{wall}");
            assert!(!lease().holds(after(0, wall)), "{wall}");
        }
        // Set back by less than has gone by: then the other clock ends it.
        for wall in 0..5 {
            assert!(!lease().holds(after(5 * SECOND, wall * SECOND)), "{wall}");
        }
    }

    #[test]
    fn renewal_counts_by_the_clocks_as_they_are_set_then() {
        let lease = lease();
        assert!(!lease.holds(after(SECOND, -HOUR)));
        lease.renew(after(SECOND, -HOUR));
        assert!(lease.holds(after(2 * SECOND, SECOND - HOUR)));
        assert!(!lease.holds(after(2 * SECOND, SECOND)));
        lease.revoke();
        assert!(!lease.holds(after(2 * SECOND, SECOND - HOUR)));
    }

    #[test]
    fn no_bound_is_no_lease() {
        for bound in [Duration::ZERO, CLOCK_LAG] {
            let lease = Lease::new(bound);
            lease.renew(after(0, 0));
            assert!(!lease.holds(after(0, 0)));
        }
    }
}
