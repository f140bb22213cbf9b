//! Misses, gathered: whatever is asked for while a lookup is under way goes into the next one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyfob_core::KeyHash;
use tokio::sync::oneshot;

/// The questions that are open, and who waits for their answers.
///
/// A hash that many ask for is asked for once. A burst of misses becomes a few batches: while one
/// is under way, the next one gathers, so batches grow with the load by themselves.
pub(crate) struct Lookups<A> {
    state: Mutex<State<A>>,
}

struct State<A> {
    waiting: HashMap<KeyHash, Vec<oneshot::Sender<A>>>,
    /// Those of `waiting` that no batch has taken yet.
    unasked: Vec<KeyHash>,
    batches: usize,
}

/// How many batches may be under way at once. With one, a slow lookup would hold up all others.
const MOST_BATCHES: usize = 2;

/// How many hashes a batch holds at most.
const MOST_HASHES: usize = 512;

impl<A: Clone> Lookups<A> {
    pub(crate) fn new() -> Self {
        let (waiting, unasked) = (HashMap::new(), Vec::new());
        Self { state: Mutex::new(State { waiting, unasked, batches: 0 }) }
    }

    /// Joins those who wait for the hash. The flag says that the caller is to start a
    /// [`run`](Self::run), in a task of its own: whoever waits may go away at any time.
    pub(crate) fn join(&self, hash: KeyHash) -> (oneshot::Receiver<A>, bool) {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.state();
        match state.waiting.entry(hash) {
            Entry::Occupied(mut waiting) => {
                waiting.get_mut().push(answer);
                (receiver, false)
            }
            Entry::Vacant(nobody) => {
                nobody.insert(vec![answer]);
                state.unasked.push(hash);
                let start = state.batches < MOST_BATCHES;
                state.batches += usize::from(start);
                (receiver, start)
            }
        }
    }

    /// Asks batch after batch until no question is left. `ask` answers every hash that it is given.
    pub(crate) async fn run<F>(&self, ask: impl Fn(Vec<KeyHash>) -> F)
    where
        F: Future<Output = Vec<(KeyHash, A)>>,
    {
        let mut turn = Turn { lookups: self, asked: Vec::new(), over: false };
        while let Some(hashes) = turn.next() {
            let mut answered = 0;
            for (hash, answer) in ask(hashes).await {
                answered += self.answer(hash, &answer);
            }
            // Whoever asks for one of them from here on waits for another batch.
            turn.asked.clear();
            // Who has an answer may have another question at once: it goes into the next batch, which
            // would be a small one without it. Where there was but one, nobody is to be waited for, and
            // to yield would wake another thread in vain.
            if answered > 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Answers all who wait for the hash, and tells how many they are.
    fn answer(&self, hash: KeyHash, answer: &A) -> usize {
        let waiting = self.state().waiting.remove(&hash).unwrap_or_default();
        let number = waiting.len();
        for sender in waiting {
            // Whoever went away needs no answer.
            let _ = sender.send(answer.clone());
        }
        number
    }

    fn state(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to have a batch under way. It is given back however the work ends: when a task is
/// dropped or panics, whoever waits for it learns so by the end of the channel.
struct Turn<'l, A> {
    lookups: &'l Lookups<A>,
    asked: Vec<KeyHash>,
    over: bool,
}

impl<A: Clone> Turn<'_, A> {
    /// Under one lock, takes the next questions or gives up the turn: a question that comes
    /// between the two would have nobody to ask it.
    fn next(&mut self) -> Option<Vec<KeyHash>> {
        let mut state = self.lookups.state();
        let next = state.unasked.len().min(MOST_HASHES);
        let rest = state.unasked.split_off(next);
        self.asked = mem::replace(&mut state.unasked, rest);
        if self.asked.is_empty() {
            state.batches -= 1;
            self.over = true;
            return None;
        }
        Some(self.asked.clone())
    }
}

impl<A> Drop for Turn<'_, A> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut state = self.lookups.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.batches -= 1;
        let abandoned = mem::take(&mut self.asked);
        let orphaned = if state.batches == 0 { mem::take(&mut state.unasked) } else { Vec::new() };
        for hash in abandoned.iter().chain(&orphaned) {
            state.waiting.remove(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn hash(byte: u8) -> KeyHash {
        KeyHash::from_bytes([byte; 32])
    }

    #[tokio::test]
    async fn hash_that_many_ask_for_is_asked_for_once() {
        let lookups = Lookups::<u8>::new();
        let (first, start) = lookups.join(hash(1));
        assert!(start);
        let (second, start) = lookups.join(hash(1));
        assert!(!start);
        let batches = Mutex::new(Vec::new());
        lookups
            .run(async |hashes: Vec<KeyHash>| {
                batches.lock().unwrap().push(hashes.len());
                hashes.into_iter().map(|hash| (hash, hash.as_bytes()[0])).collect()
            })
            .await;
        assert_eq!(*batches.lock().unwrap(), [1]);
        assert_eq!((first.await, second.await), (Ok(1), Ok(1)));
    }

    #[tokio::test]
    async fn misses_gather_while_a_batch_is_under_way() {
        let lookups = Lookups::<u8>::new();
        let (_first, _) = lookups.join(hash(0));
        let batches = Mutex::new(Vec::new());
        lookups
            .run(async |hashes: Vec<KeyHash>| {
                if batches.lock().unwrap().is_empty() {
                    for byte in 1..=100 {
                        drop(lookups.join(hash(byte)));
                    }
                }
                batches.lock().unwrap().push(hashes.len());
                hashes.into_iter().map(|hash| (hash, 0)).collect()
            })
            .await;
        assert_eq!(*batches.lock().unwrap(), [1, 100]);
    }

    #[tokio::test]
    async fn who_has_waited_longest_is_asked_for_first() {
        let lookups = Lookups::<u8>::new();
        let mut joined = (0..=MOST_HASHES).map(|number| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            KeyHash::from_bytes(hash)
        });
        let (_first, _) = lookups.join(joined.next().unwrap());
        joined.for_each(|hash| drop(lookups.join(hash)));
        let batches = Mutex::new(Vec::new());
        lookups
            .run(async |hashes: Vec<KeyHash>| {
                batches.lock().unwrap().push((hashes[0], hashes.len()));
                hashes.into_iter().map(|hash| (hash, 0)).collect()
            })
            .await;
        let batches = batches.into_inner().unwrap();
        assert_eq!(batches[0], (hash(0), MOST_HASHES));
        assert_eq!(batches[1].1, 1);
    }

    #[tokio::test]
    async fn who_was_just_answered_asks_in_the_next_batch() {
        let lookups = Arc::new(Lookups::<u8>::new());
        for byte in [1, 2] {
            let (answer, _) = lookups.join(hash(byte));
            let lookups = Arc::clone(&lookups);
            tokio::spawn(async move {
                answer.await.unwrap();
                drop(lookups.join(hash(byte + 10)));
            });
        }
        let batches = Mutex::new(Vec::new());
        lookups
            .run(async |hashes: Vec<KeyHash>| {
                batches.lock().unwrap().push(hashes.len());
                hashes.into_iter().map(|hash| (hash, 0)).collect()
            })
            .await;
        assert_eq!(*batches.lock().unwrap(), [2, 2]);
    }

    #[tokio::test]
    async fn run_that_ends_between_batches_leaves_those_who_wait_for_the_next() {
        let lookups = Lookups::<u8>::new();
        let (first, _) = lookups.join(hash(1));
        let (_other, start) = lookups.join(hash(2));
        assert!(start, "a second batch is under way");
        let run = lookups
            .run(async |hashes: Vec<KeyHash>| hashes.into_iter().map(|hash| (hash, 0)).collect());
        let mut run = Box::pin(run);
        assert!(is_pending_once_polled(&mut run), "it lets others run");
        first.await.unwrap();
        let (mut again, _) = lookups.join(hash(1));
        drop(run);
        assert_eq!(again.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }

    /// Polls once, and says whether it is pending.
    fn is_pending_once_polled<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        future.as_mut().poll(&mut context).is_pending()
    }

    #[tokio::test]
    async fn abandoned_batch_tells_its_waiters_and_frees_its_turn() {
        let lookups = Lookups::<u8>::new();
        for _ in 0..MOST_BATCHES * 2 {
            let (waiter, start) = lookups.join(hash(1));
            assert!(start);
            let run = lookups.run(async |_| std::future::pending::<Vec<(KeyHash, u8)>>().await);
            tokio::select! { biased; () = run => {}, () = std::future::ready(()) => {} }
            assert!(waiter.await.is_err());
        }
    }
}
