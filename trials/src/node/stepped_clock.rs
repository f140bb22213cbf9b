use std::sync::atomic::{AtomicI64, Ordering};

use keyfob::{Clock, SystemClock, Timestamp};

/// The clocks of the operating system, with a time of day that can be set as an administrator might.
#[derive(Debug, Default)]
pub(super) struct SteppedClock {
    /// In microseconds.
    ahead: AtomicI64,
}

impl SteppedClock {
    pub(super) fn step(&self, micros: i64) {
        self.ahead.fetch_add(micros, Ordering::SeqCst);
    }

    fn stepped(&self, time: Timestamp) -> Timestamp {
        Timestamp::from_micros(time.as_micros() + self.ahead.load(Ordering::SeqCst))
    }
}

impl Clock for SteppedClock {
    fn wall(&self) -> Timestamp {
        self.stepped(SystemClock.wall())
    }

    fn coarse_wall(&self) -> Timestamp {
        self.stepped(SystemClock.coarse_wall())
    }

    fn monotonic(&self) -> std::time::Duration {
        SystemClock.monotonic()
    }
}
