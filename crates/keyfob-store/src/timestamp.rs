use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment: microseconds since the Unix epoch, UTC, negative before it.
///
/// A store keeps this number; showing it is the embedder's. Arithmetic saturates, so that a moment
/// at the edge of what 64 bits can say stays there instead of jumping to the other edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last moment there is, in the year 294247.
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This long after.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
            }
        };
        Self(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX.saturating_add(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::from_micros(0).saturating_add(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn system_time_on_both_sides_of_the_epoch() {
        let second = Duration::from_secs(1);
        assert_eq!(Timestamp::from(UNIX_EPOCH + second).as_micros(), 1_000_000);
        assert_eq!(Timestamp::from(UNIX_EPOCH - second).as_micros(), -1_000_000);
    }
}
