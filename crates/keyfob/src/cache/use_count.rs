use std::sync::atomic::{AtomicU32, Ordering};

/// How often a remembered key was accepted since somebody last took the number.
///
/// It lies in the entry itself, where the verification has just been: counting costs one write to
/// memory that is at hand. An entry that is forgotten is closed first, which takes its number and
/// tells whoever comes too late to count elsewhere; so every use counts, and counts once.
#[derive(Debug)]
pub(crate) struct UseCount(AtomicU32);

/// What counting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// The first since the number was taken: somebody has to be told to take it again.
    First,
    /// One more.
    More,
    /// Not at all: the entry is closed.
    Closed,
}

/// Set in a closed counter. Below it there is room for 2^31 uses between two takings, a second
/// apart.
const CLOSED: u32 = 1 << 31;

impl UseCount {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    pub(crate) fn count(&self) -> Counted {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Counted::First,
            before if before & CLOSED != 0 => Counted::Closed,
            _ => Counted::More,
        }
    }

    /// Takes the number, and starts anew.
    pub(crate) fn take(&self) -> u32 {
        let taken = self.0.fetch_and(CLOSED, Ordering::Relaxed);
        if taken & CLOSED == 0 { taken } else { 0 }
    }

    /// Takes the number, for the last time.
    pub(crate) fn close(&self) -> u32 {
        let taken = self.0.swap(CLOSED, Ordering::Relaxed);
        if taken & CLOSED == 0 { taken } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_count_takes_no_more() {
        let uses = UseCount::new();
        assert_eq!([uses.count(), uses.count()], [Counted::First, Counted::More]);
        assert_eq!(uses.take(), 2);
        assert_eq!(uses.count(), Counted::First);
        assert_eq!(uses.close(), 1);
        assert_eq!(uses.count(), Counted::Closed);
        assert_eq!((uses.take(), uses.close()), (0, 0));
    }

    #[test]
    fn every_use_is_counted_or_refused_while_the_number_is_taken() {
        let uses = UseCount::new();
        let (mut taken, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            let counters: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| (0..50_000).filter(|_| uses.count() == Counted::Closed).count())
                })
                .collect();
            for _ in 0..1_000 {
                taken += uses.take() as usize;
            }
            taken += uses.close() as usize;
            refused += counters.into_iter().map(|counter| counter.join().unwrap()).sum::<usize>();
        });
        assert_eq!(taken + refused, 200_000);
    }
}
