use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use keyfob_store::FeedPosition;
use tokio::sync::watch;

/// How far this store has seen the feed, and when it last heard so from the primary.
#[derive(Debug)]
pub(crate) struct Horizon {
    seen: watch::Sender<Seen>,
    heard: Mutex<Option<Moment>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    end: FeedPosition,
    /// How far it is said to reach, by whom nothing hangs on, and when that was said.
    rumour: Option<(FeedPosition, Instant)>,
    open: bool,
}

/// A moment on two clocks: one that nobody sets, and one that goes on while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    steady: Instant,
    of_day: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { steady: Instant::now(), of_day: SystemTime::now() }
    }

    /// Whether no more than this has passed since, by either clock.
    fn is_within(self, span: Duration) -> bool {
        self.steady.elapsed() <= span && self.of_day.elapsed().is_ok_and(|elapsed| elapsed <= span)
    }
}

impl Horizon {
    pub(crate) fn new() -> Self {
        let seen = Seen { end: FeedPosition::START, rumour: None, open: true };
        Self { seen: watch::Sender::new(seen), heard: Mutex::new(None) }
    }

    /// Takes note that the feed reaches this far.
    pub(crate) fn saw(&self, end: FeedPosition) {
        self.seen.send_if_modified(|seen| {
            let further = end > seen.end;
            seen.end = seen.end.max(end);
            further
        });
    }

    /// The same, of an answer of the primary to a question that was asked at this moment. What was a rumour
    /// before then is in the answer, or was none.
    pub(crate) fn heard(&self, asked: Moment, end: FeedPosition) {
        self.saw(end);
        self.seen.send_if_modified(|seen| {
            if seen.rumour.is_some_and(|(_, said)| said <= asked.steady) {
                seen.rumour = None;
            }
            false
        });
        let mut heard = self.lock();
        if heard.is_none_or(|before| before.steady < asked.steady) {
            *heard = Some(asked);
        }
    }

    /// Whether the primary answered a question that is no older than this. What it answered is in
    /// [`seen`](Self::seen).
    pub(crate) fn is_fresh(&self, within: Duration) -> bool {
        self.lock().is_some_and(|heard| heard.is_within(within))
    }

    pub(crate) fn seen(&self) -> FeedPosition {
        self.seen.borrow().end
    }

    /// History was rewritten, and ends earlier than it did. `before` is what was seen when that was asked:
    /// what was seen since then is of the new history.
    pub(crate) fn rewound(&self, before: FeedPosition, end: FeedPosition) {
        self.seen.send_if_modified(|seen| {
            let rewound = seen.end == before && end < before;
            if rewound {
                seen.end = end;
            }
            rewound
        });
    }

    /// Somebody says that the feed reaches this far. Whoever waits looks for himself.
    pub(crate) fn rumour(&self, end: FeedPosition) {
        self.seen.send_modify(|seen| {
            let known = seen.rumour.map_or(FeedPosition::START, |(known, _)| known);
            seen.rumour = Some((end.max(known), Instant::now()));
        });
    }

    /// Returns when the feed reaches beyond the position, or is said to, or when the store is closed.
    pub(crate) async fn wait(&self, after: FeedPosition) {
        let mut seen = self.seen.subscribe();
        let over = |seen: &Seen| {
            seen.end > after || seen.rumour.is_some_and(|(end, _)| end > after) || !seen.open
        };
        // The sender is `self`'s own, so it does not go away.
        let _ = seen.wait_for(over).await;
    }

    pub(crate) fn close(&self) {
        self.seen.send_modify(|seen| seen.open = false);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Moment>> {
        // Nothing panics while it is held, so it guards a whole state.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> FeedPosition {
        FeedPosition::new(position)
    }

    #[test]
    fn what_was_seen_does_not_go_back_but_with_history() {
        let horizon = Horizon::new();
        horizon.saw(at(5));
        horizon.saw(at(3));
        assert_eq!(horizon.seen(), at(5));
        horizon.saw(at(6));
        horizon.rewound(at(5), at(2));
        assert_eq!(horizon.seen(), at(6), "something was seen meanwhile");
        horizon.rewound(at(6), at(2));
        assert_eq!(horizon.seen(), at(2));
    }

    #[test]
    fn only_the_primary_makes_it_fresh() {
        let (horizon, long) = (Horizon::new(), Duration::from_secs(3_600));
        horizon.saw(at(5));
        assert!(!horizon.is_fresh(long));
        let now = Moment::now();
        horizon.heard(now, at(5));
        assert!(horizon.is_fresh(long));
        horizon.heard(Moment { steady: now.steady, of_day: SystemTime::UNIX_EPOCH }, at(5));
        assert!(horizon.is_fresh(long), "an older question changes nothing");
        assert!(!horizon.is_fresh(Duration::ZERO));
    }

    #[test]
    fn machine_that_slept_is_not_fresh() {
        let horizon = Horizon::new();
        let steady = Instant::now();
        let of_day = SystemTime::now() - Duration::from_secs(60);
        horizon.heard(Moment { steady, of_day }, at(5));
        assert!(!horizon.is_fresh(Duration::from_secs(1)));
    }
}
