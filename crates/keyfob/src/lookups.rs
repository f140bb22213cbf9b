//! Misses, gathered: whatever is asked for while a lookup is under way goes into the next one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyfob_core::KeyHash;
use tokio::sync::oneshot;

/// The questions that are open, and who waits for their answers. A cheap clone.
///
/// A hash that many ask for is asked for once. A burst of misses becomes a few batches: while one
/// is under way, the next one gathers, so batches grow with the load by themselves.
///
/// A caller may hang up at any time. Its question is then dropped before a batch takes it, and what
/// it leaves behind is swept away as others join.
pub(crate) struct Lookups<A> {
    state: Arc<Mutex<State<A>>>,
}

struct State<A> {
    waiting: HashMap<KeyHash, Vec<oneshot::Sender<A>>>,
    /// Those of `waiting` that no batch has taken yet.
    unasked: Vec<KeyHash>,
    batches: usize,
    /// How many callers joined whose places were not swept away yet.
    places: usize,
    /// At how many places those of callers that hung up are swept away.
    sweep_at: usize,
    /// How many callers were rejected because too many wait. A flood of them must not sweep each time.
    rejected: usize,
}

/// How many batches may be under way at once. With one, a slow lookup would hold up all others.
const MAX_BATCHES: usize = 2;

/// How many hashes a batch holds at most.
const MAX_HASHES: usize = 512;

/// How many callers may wait at once. One more is rejected at once: the store is far behind, and
/// nobody would wait for so long.
pub(crate) const MAX_WAITING: usize = 100_000;

/// How many places there are at least before they are swept.
const MIN_SWEEP: usize = 1_024;

/// The place of a caller that waits for an answer.
pub(crate) struct Joined<A> {
    pub(crate) answer: oneshot::Receiver<A>,
    /// The right to have a batch under way, which the caller must use: in a task of its own, since
    /// the caller may hang up at any time.
    pub(crate) turn: Option<Turn<A>>,
}

impl<A: Clone> Lookups<A> {
    pub(crate) fn new() -> Self {
        let state = State {
            waiting: HashMap::new(),
            unasked: Vec::new(),
            batches: 0,
            places: 0,
            sweep_at: MIN_SWEEP,
            rejected: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Joins those who wait for the hash. `None`: too many wait already.
    pub(crate) fn join(&self, hash: KeyHash) -> Option<Joined<A>> {
        let mut state = lock(&self.state);
        let is_full = state.places >= MAX_WAITING;
        if state.places >= state.sweep_at && (!is_full || state.rejected.is_multiple_of(MIN_SWEEP))
        {
            state.sweep();
        }
        if state.places >= MAX_WAITING {
            state.rejected = state.rejected.wrapping_add(1);
            return None;
        }
        let (sender, answer) = oneshot::channel();
        state.places += 1;
        match state.waiting.entry(hash) {
            Entry::Occupied(mut waiting) => {
                waiting.get_mut().push(sender);
                Some(Joined { answer, turn: None })
            }
            Entry::Vacant(place) => {
                place.insert(vec![sender]);
                state.unasked.push(hash);
                let starts = state.batches < MAX_BATCHES;
                state.batches += usize::from(starts);
                let turn = starts.then(|| Turn {
                    state: Arc::clone(&self.state),
                    asked: Vec::new(),
                    over: false,
                });
                Some(Joined { answer, turn })
            }
        }
    }
}

impl<A> State<A> {
    /// Drops the places of callers that hung up. It costs a look at every place, so it happens once
    /// for each time that their number has doubled, or at the maximum, for so many rejected callers.
    fn sweep(&mut self) {
        self.waiting.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        self.unasked.retain(|hash| self.waiting.contains_key(hash));
        self.waiting.shrink_to(MIN_SWEEP);
        self.unasked.shrink_to(MIN_SWEEP);
        self.places = self.waiting.values().map(Vec::len).sum();
        self.sweep_at = (self.places * 2).clamp(MIN_SWEEP, MAX_WAITING);
    }

    fn forget(&mut self, hash: &KeyHash) -> Vec<oneshot::Sender<A>> {
        let senders = self.waiting.remove(hash).unwrap_or_default();
        self.places -= senders.len();
        senders
    }
}

/// The right to have a batch under way. It is given back however the work ends: when a task is
/// dropped or panics, or is never started, those who wait for it learn so by the end of the channel.
pub(crate) struct Turn<A> {
    state: Arc<Mutex<State<A>>>,
    asked: Vec<KeyHash>,
    over: bool,
}

impl<A: Clone> Turn<A> {
    /// Asks batch after batch until no question is left. `ask` answers every hash that it is given.
    pub(crate) async fn run<F>(mut self, ask: impl Fn(Vec<KeyHash>) -> F)
    where
        F: Future<Output = Vec<(KeyHash, A)>>,
    {
        while let Some(hashes) = self.next() {
            let mut answered = 0;
            for (hash, answer) in ask(hashes).await {
                answered += self.answer(hash, &answer);
            }
            // A caller that asks for one of them from here on waits for another batch.
            self.asked.clear();
            // Who has an answer may have another question at once: it goes into the next batch, which
            // would be a small one without it. Where there was but one, nobody is to be waited for, and
            // to yield would wake another thread in vain.
            if answered > 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Under one lock, takes the next questions or gives up the turn: a question that comes
    /// between the two would have nobody to ask it. A question whose callers all hung up is dropped.
    fn next(&mut self) -> Option<Vec<KeyHash>> {
        let mut state = lock(&self.state);
        let mut taken = 0;
        let mut asked = Vec::new();
        while asked.len() < MAX_HASHES && taken < state.unasked.len() {
            let hash = state.unasked[taken];
            taken += 1;
            let awaited =
                |senders: &Vec<oneshot::Sender<A>>| senders.iter().any(|at| !at.is_closed());
            if state.waiting.get(&hash).is_some_and(awaited) {
                asked.push(hash);
            } else {
                state.forget(&hash);
            }
        }
        state.unasked.drain(..taken);
        if asked.is_empty() {
            state.batches -= 1;
            self.over = true;
            return None;
        }
        self.asked.clone_from(&asked);
        Some(asked)
    }

    /// Answers all who wait for the hash, and returns how many they are.
    fn answer(&self, hash: KeyHash, answer: &A) -> usize {
        let waiting = lock(&self.state).forget(&hash);
        let number = waiting.len();
        for sender in waiting {
            // A caller that hung up needs no answer.
            let _ = sender.send(answer.clone());
        }
        number
    }
}

impl<A> Turn<A> {
    /// Drops the places of those who wait for what was asked and not answered.
    fn abandon(&mut self) {
        let mut state = lock(&self.state);
        for hash in mem::take(&mut self.asked) {
            state.forget(&hash);
        }
    }
}

impl<A> Drop for Turn<A> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.abandon();
        let mut state = lock(&self.state);
        state.batches -= 1;
        if state.batches == 0 {
            for hash in mem::take(&mut state.unasked) {
                state.forget(&hash);
            }
        }
    }
}

fn lock<A>(state: &Mutex<State<A>>) -> MutexGuard<'_, State<A>> {
    // Nothing panics while it is held, so it guards a whole state.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn hash(byte: u8) -> KeyHash {
        KeyHash::from_bytes([byte; 32])
    }

    fn numbered(number: usize) -> KeyHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        KeyHash::from_bytes(hash)
    }

    type Place = (oneshot::Receiver<u8>, Option<Turn<u8>>);

    fn join(lookups: &Lookups<u8>, hash: KeyHash) -> Place {
        let Joined { answer, turn } = lookups.join(hash).unwrap();
        (answer, turn)
    }

    /// The first batch hangs, as long as it takes the others to come and go.
    #[tokio::test]
    async fn caller_that_hung_up_is_not_asked_for() {
        let lookups = Lookups::<u8>::new();
        let (_first, turn) = join(&lookups, numbered(0));
        let (_second, _hangs) = join(&lookups, numbered(1));
        for number in 2..60_000 {
            drop(join(&lookups, numbered(number)));
        }
        let (good, _) = join(&lookups, numbered(60_000));
        let batches = Mutex::new(Vec::new());
        turn.unwrap()
            .run(async |hashes: Vec<KeyHash>| {
                batches.lock().unwrap().push(hashes.len());
                hashes.into_iter().map(|hash| (hash, 7)).collect()
            })
            .await;
        assert_eq!(good.await, Ok(7));
        assert_eq!(*batches.lock().unwrap(), [3], "those whose callers still wait");
    }

    #[tokio::test]
    async fn callers_that_hung_up_leave_nothing_behind() {
        let lookups = Lookups::<u8>::new();
        let turns: Vec<_> = (0..2).map(|number| join(&lookups, numbered(number))).collect();
        for number in 0..1_000_000 {
            // Many of one hash, and one of many hashes.
            drop(join(&lookups, numbered(if number % 2 == 0 { 0 } else { number })));
        }
        let state = lock(&lookups.state);
        let capacity: usize = state.waiting.values().map(Vec::capacity).sum();
        assert!(state.places <= MIN_SWEEP && capacity <= 4 * MIN_SWEEP, "{capacity}");
        assert!(state.unasked.capacity() <= 4 * MIN_SWEEP);
        drop(state);
        drop(turns);
    }

    #[tokio::test]
    async fn caller_too_many_is_rejected_at_once_until_others_leave() {
        let lookups = Lookups::<u8>::new();
        let mut waiting: Vec<_> =
            (0..MAX_WAITING).map(|number| join(&lookups, numbered(number))).collect();
        for _ in 0..MIN_SWEEP {
            assert!(lookups.join(numbered(MAX_WAITING)).is_none());
        }
        waiting.truncate(MAX_WAITING - 1);
        assert!(lookups.join(numbered(MAX_WAITING)).is_some());
    }

    #[tokio::test]
    async fn hash_that_many_ask_for_is_asked_for_once() {
        let lookups = Lookups::<u8>::new();
        let (first, turn) = join(&lookups, hash(1));
        let (second, no_turn) = join(&lookups, hash(1));
        assert!(no_turn.is_none());
        let batches = Mutex::new(Vec::new());
        turn.unwrap()
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
        let (_first, turn) = join(&lookups, hash(0));
        let kept = Mutex::new(Vec::new());
        let batches = Mutex::new(Vec::new());
        turn.unwrap()
            .run(async |hashes: Vec<KeyHash>| {
                if batches.lock().unwrap().is_empty() {
                    for byte in 1..=100 {
                        kept.lock().unwrap().push(join(&lookups, hash(byte)));
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
        let mut joined = (0..=MAX_HASHES).map(|number| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            KeyHash::from_bytes(hash)
        });
        let (_first, turn) = join(&lookups, joined.next().unwrap());
        let _rest: Vec<_> = joined.map(|hash| join(&lookups, hash)).collect();
        let batches = Mutex::new(Vec::new());
        turn.unwrap()
            .run(async |hashes: Vec<KeyHash>| {
                batches.lock().unwrap().push((hashes[0], hashes.len()));
                hashes.into_iter().map(|hash| (hash, 0)).collect()
            })
            .await;
        let batches = batches.into_inner().unwrap();
        assert_eq!(batches[0], (hash(0), MAX_HASHES));
        assert_eq!(batches[1].1, 1);
    }

    #[tokio::test]
    async fn who_was_just_answered_asks_in_the_next_batch() {
        let lookups = Arc::new(Lookups::<u8>::new());
        let mut turns = Vec::new();
        for byte in [1, 2] {
            let (answer, turn) = join(&lookups, hash(byte));
            turns.extend(turn);
            let lookups = Arc::clone(&lookups);
            tokio::spawn(async move {
                answer.await.unwrap();
                let _ = join(&lookups, hash(byte + 10)).0.await;
            });
        }
        let turn = turns.into_iter().next();
        let batches = Mutex::new(Vec::new());
        turn.unwrap()
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
        let (first, turn) = join(&lookups, hash(1));
        let (_other, second) = join(&lookups, hash(2));
        assert!(second.is_some(), "a second batch is under way");
        let run = turn
            .unwrap()
            .run(async |hashes: Vec<KeyHash>| hashes.into_iter().map(|hash| (hash, 0)).collect());
        let mut run = Box::pin(run);
        assert!(is_pending_once_polled(&mut run), "it lets others run");
        first.await.unwrap();
        let (mut again, _) = join(&lookups, hash(1));
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
        for _ in 0..MAX_BATCHES * 2 {
            let (waiter, turn) = join(&lookups, hash(1));
            let run =
                turn.unwrap().run(async |_| std::future::pending::<Vec<(KeyHash, u8)>>().await);
            tokio::select! { biased; () = run => {}, () = std::future::ready(()) => {} }
            assert!(waiter.await.is_err());
        }
    }
}
