use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A moment by the machine's monotonic clock, in nanoseconds. It is one clock for all processes of
/// the machine, so moments of two nodes can be compared; it goes on while a process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Monotonic(u64);

impl Monotonic {
    /// The present.
    #[must_use]
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Monotonic);
        // Since the machine was started, so neither is below zero.
        Self(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
    }

    /// How long after an earlier moment this is: zero when it is not after it.
    #[must_use]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// So long after this.
    #[must_use]
    pub(crate) fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// So long before this.
    #[must_use]
    pub(crate) fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }

    /// How long it is until then.
    #[must_use]
    pub(crate) fn remaining(self) -> Duration {
        self.since(Self::now())
    }
}

/// 64 bits of nanoseconds last 584 years.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_order_and_never_apart_by_less_than_nothing() {
        let early = Monotonic::now();
        let late = early.plus(Duration::from_millis(5));
        assert_eq!(late.since(early), Duration::from_millis(5));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.minus(Duration::from_millis(5)), early);
        assert!(Monotonic::now() >= early);
    }
}
