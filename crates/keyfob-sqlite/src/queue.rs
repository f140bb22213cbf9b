use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Requests on their way to the store's threads. Whoever takes some takes all that wait, up to a
/// bound: that is what makes one transaction of many requests.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// How many threads sleep: waking one that does not is a system call for nothing.
    asleep: usize,
    open: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let state = State { items: VecDeque::new(), asleep: 0, open: true };
        Self { state: Mutex::new(state), filled: Condvar::new() }
    }

    /// Adds an item, or gives it back when the queue is closed. It waits for nothing but a lock
    /// that is never held for long.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if !state.open {
            return Err(item);
        }
        state.items.push_back(item);
        let wake = state.asleep > 0;
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for items and takes them, or `None` when the queue is closed and empty.
    pub(crate) fn take(&self, most: usize) -> Option<Vec<T>> {
        let mut state = self.lock();
        while state.items.is_empty() {
            if !state.open {
                return None;
            }
            state.asleep += 1;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.asleep -= 1;
        }
        let taken = most.min(state.items.len());
        Some(state.items.drain(..taken).collect())
    }

    /// Takes nothing more in. What is queued is still handed out.
    pub(crate) fn close(&self) {
        self.lock().open = false;
        self.filled.notify_all();
    }

    /// Drops what is queued.
    pub(crate) fn clear(&self) {
        // Dropped outside the lock, for whatever that runs.
        let items = std::mem::take(&mut self.lock().items);
        drop(items);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while it is held, so it guards a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_queue_hands_out_what_it_holds_and_takes_no_more() {
        let queue = Queue::new();
        for item in 0..3 {
            queue.push(item).unwrap();
        }
        queue.close();
        assert_eq!(queue.push(3), Err(3));
        assert_eq!(queue.take(2), Some(vec![0, 1]));
        assert_eq!(queue.take(2), Some(vec![2]));
        assert_eq!(queue.take(2), None);
    }

    #[test]
    fn closing_wakes_whoever_sleeps() {
        let queue = Queue::<()>::new();
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| queue.take(1));
            queue.close();
            assert_eq!(taker.join().unwrap(), None);
        });
    }

    #[test]
    fn every_item_is_taken_once_however_many_take() {
        const ITEMS: u32 = 10_000;
        let queue = Queue::new();
        std::thread::scope(|scope| {
            let take_all = || std::iter::from_fn(|| queue.take(7)).flatten().collect::<Vec<_>>();
            let takers = [scope.spawn(take_all), scope.spawn(take_all), scope.spawn(take_all)];
            let push = |items: std::ops::Range<u32>| items.for_each(|n| queue.push(n).unwrap());
            let pusher = scope.spawn(move || push(0..ITEMS / 2));
            push(ITEMS / 2..ITEMS);
            pusher.join().unwrap();
            queue.close();
            let mut taken: Vec<_> =
                takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
            taken.sort_unstable();
            assert!(taken.into_iter().eq(0..ITEMS));
        });
    }
}
