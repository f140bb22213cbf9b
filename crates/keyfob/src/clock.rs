use std::sync::Mutex;
use std::time::Duration;

use keyfob_store::Timestamp;

/// The times that a service needs, so that tests can set them.
pub trait Clock: Send + Sync + 'static {
    /// The time of day: when a change is made, and whether a key has expired.
    fn wall(&self) -> Timestamp;

    /// The same, for what is read on every verification and may lag by 10 milliseconds: the hour
    /// that its usage counts in, and the lease of the cache. It goes on while the machine sleeps.
    fn coarse_wall(&self) -> Timestamp;

    /// The time since some fixed moment, which never goes back: by it, too, the lease of the cache
    /// runs.
    ///
    /// It is read on every verification, so it must cost next to nothing; it may lag by 10
    /// milliseconds for that. It must go on while the process is stopped, or a resumed process would
    /// trust an old cache. While the machine sleeps it may stand still.
    fn monotonic(&self) -> Duration;
}

/// What both clocks of the lease show.
///
/// Neither would do alone. The monotonic clock can't be set, and on Linux it stands still while the
/// machine sleeps; the time of day goes on then, and can be set. A clock that has both virtues
/// (`CLOCK_BOOTTIME`) has no coarse form, and costs a quarter of a hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) monotonic: Duration,
    pub(crate) wall: Timestamp,
}

impl Moment {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self { monotonic: clock.monotonic(), wall: clock.coarse_wall() }
    }

    /// How long ago an earlier moment was, by the clock that has gone on farther. A time of day that
    /// was set back says nothing.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let (monotonic, wall) = self.both_since(earlier);
        monotonic.max(wall)
    }

    /// How long ago an earlier moment was at least, by the clock that has gone on less far.
    pub(crate) fn surely_since(self, earlier: Self) -> Duration {
        let (monotonic, wall) = self.both_since(earlier);
        monotonic.min(wall)
    }

    fn both_since(self, earlier: Self) -> (Duration, Duration) {
        let wall = self.wall.as_micros().saturating_sub(earlier.wall.as_micros());
        let wall = Duration::from_micros(u64::try_from(wall).unwrap_or(0));
        (self.monotonic.saturating_sub(earlier.monotonic), wall)
    }
}

/// The clocks of the operating system.
///
/// On Linux those that may lag are the coarse clocks, which the kernel advances at every tick (1 to
/// 10 ms). They cost a quarter of the precise ones, and are right at once when a stopped process is
/// resumed, which a clock that a task of the process advances would not be. The time of day is also
/// right at once when the machine wakes up.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        std::time::SystemTime::now().into()
    }

    #[cfg(target_os = "linux")]
    fn coarse_wall(&self) -> Timestamp {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000);
        Timestamp::from_micros(micros)
    }

    #[cfg(not(target_os = "linux"))]
    fn coarse_wall(&self) -> Timestamp {
        self.wall()
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
        *now = (now.0.saturating_add(by), now.1.saturating_add(by));
    }

    /// Lets the machine sleep: the time of day goes on by this much, and the monotonic clock stays.
    pub fn sleep(&self, by: Duration) {
        let mut now = self.now();
        now.0 = now.0.saturating_add(by);
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

    fn coarse_wall(&self) -> Timestamp {
        self.wall()
    }

    fn monotonic(&self) -> Duration {
        self.now().1
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn wall(&self) -> Timestamp {
        (**self).wall()
    }

    fn coarse_wall(&self) -> Timestamp {
        (**self).coarse_wall()
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
