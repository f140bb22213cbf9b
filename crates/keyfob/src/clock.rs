use std::sync::Mutex;
use std::time::Duration;

use keyfob_store::Timestamp;

/// The two times that a service needs, so that tests can set them.
pub trait Clock: Send + Sync + 'static {
    /// The time of day: when a change is made, and whether a key has expired.
    fn wall(&self) -> Timestamp;

    /// The time since some fixed moment, which never goes back: by it the lease of the cache runs.
    ///
    /// It is read on every verification, so it must cost next to nothing; it may lag by 10
    /// milliseconds for that. It must go on while the process is stopped, or a resumed process would
    /// trust an old cache.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system.
///
/// On Linux the monotonic one is the coarse clock, which the kernel advances at every tick (1 to 10
/// ms). It costs a fifth of the precise one, and it is right at once when a stopped process is
/// resumed, which a clock that a task of the process advances would not be.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        std::time::SystemTime::now().into()
    }

    #[cfg(target_os = "linux")]
    fn monotonic(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    }

    #[cfg(not(target_os = "linux"))]
    fn monotonic(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> =
            std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}

/// A clock that a test sets by hand. Share it by `Arc`, which is a clock too.
#[derive(Debug)]
pub struct ManualClock(Mutex<(Timestamp, Duration)>);

impl ManualClock {
    /// A clock that shows this time of day until it is changed.
    #[must_use]
    pub const fn new(wall: Timestamp) -> Self {
        Self(Mutex::new((wall, Duration::ZERO)))
    }

    /// Lets both clocks go on by this much.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now();
        *now = (now.0.saturating_add(by), now.1 + by);
    }

    /// Sets the time of day, backward too, as an administrator might. The monotonic clock stays.
    pub fn set_wall(&self, wall: Timestamp) {
        self.now().0 = wall;
    }

    fn now(&self) -> std::sync::MutexGuard<'_, (Timestamp, Duration)> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        self.now().0
    }

    fn monotonic(&self) -> Duration {
        self.now().1
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn wall(&self) -> Timestamp {
        (**self).wall()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn monotonic_clock_goes_on_and_lags_by_a_tick_at_most() {
        let (precise, coarse) = (Instant::now(), SystemClock.monotonic());
        let mut gone = Duration::ZERO;
        while gone < Duration::from_millis(50) {
            gone = SystemClock.monotonic().saturating_sub(coarse);
        }
        assert!(precise.elapsed() + Duration::from_millis(10) >= gone);
    }
}
