use std::time::Duration;

/// How long to wait before trying again what failed: little at first, since most outages are over
/// soon, and then twice as long each time, up to a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    most: Duration,
}

const LEAST: Duration = Duration::from_millis(100);

impl Backoff {
    pub(crate) fn up_to(most: Duration) -> Self {
        Self { next: LEAST.min(most), most }
    }

    /// It failed once more: the pause from now.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.most);
        pause
    }

    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        *self = Self::up_to(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::up_to(Duration::from_millis(350));
        let millis = |backoff: &mut Backoff| backoff.pause().as_millis();
        assert_eq!([(); 4].map(|()| millis(&mut backoff)), [100, 200, 350, 350]);
        backoff.reset();
        assert_eq!(millis(&mut backoff), 100);
    }

    #[test]
    fn limit_below_the_first_pause_is_the_pause() {
        let mut backoff = Backoff::up_to(Duration::from_millis(10));
        assert_eq!([(); 2].map(|()| backoff.pause().as_millis()), [10, 10]);
    }
}
