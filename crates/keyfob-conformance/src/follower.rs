use std::time::{Duration, Instant};

use keyfob_store::{Change, Changed, Changes, DynStore, FeedCursor, FeedPosition, KeyId, KeyStore};

use crate::Failure;
use crate::failure::{Outcome, holds, same};

/// Follows the change feed as a node does, and holds every read against the contract.
pub(crate) struct Follower {
    store: DynStore,
    /// How far it has come.
    pub(crate) reached: FeedCursor,
    /// Every change that it was told of, in order.
    pub(crate) seen: Vec<Change>,
}

impl Follower {
    pub(crate) fn from_start(store: &DynStore) -> Self {
        Self::from(store, FeedCursor::START)
    }

    pub(crate) fn from(store: &DynStore, reached: FeedCursor) -> Self {
        Self { store: store.clone(), reached, seen: Vec::new() }
    }

    /// A follower that has read to the end, and has seen only what comes after a position.
    pub(crate) async fn after(store: &DynStore, position: FeedPosition) -> Result<Self, Failure> {
        let mut follower = Self::from_start(store);
        follower.through(position).await?;
        follower.read_on().await?;
        follower.seen.retain(|change| change.position > position);
        Ok(follower)
    }

    /// Reads once, and says whether that was the end of the feed.
    pub(crate) async fn step(&mut self, limit: usize) -> Result<bool, Failure> {
        let Changes { changes, reached, complete } =
            self.store.changes(self.reached, limit).await?;
        holds(format!("at most {limit} changes are told"), changes.len() <= limit)?;
        let mut last = self.reached.position();
        for change in &changes {
            holds(
                format!("change at {} comes after {last}, where the feed stood", change.position),
                change.position > last,
            )?;
            last = change.position;
        }
        holds(
            format!("the end {} is not before the last change {last}", reached.position()),
            reached.position() >= last,
        )?;
        self.reached = reached;
        self.seen.extend(changes);
        Ok(complete)
    }

    /// Reads until the feed has no more to tell.
    pub(crate) async fn read_on(&mut self) -> Outcome {
        let mut patience = Patience::new("the feed's end is told");
        loop {
            let before = self.reached;
            if self.step(100).await? {
                return Ok(());
            }
            if self.reached == before {
                patience.pause().await?;
            }
        }
    }

    /// Reads until it has reached a position.
    pub(crate) async fn through(&mut self, position: FeedPosition) -> Outcome {
        let mut patience = Patience::new("the feed reaches a committed position");
        while self.reached.position() < position {
            let before = self.reached;
            self.step(100).await?;
            if self.reached == before {
                patience.pause().await?;
            }
        }
        Ok(())
    }

    /// The positions at which the feed told of a key.
    pub(crate) fn positions_of(&self, key: KeyId) -> Vec<FeedPosition> {
        let of_key = |change: &&Change| key_of(change) == Some(key);
        self.seen.iter().filter(of_key).map(|change| change.position).collect()
    }

    /// Asks that the feed has told of these keys and no others, in this order.
    pub(crate) fn saw(&self, what: &str, expected: &[KeyId]) -> Outcome {
        let seen: Vec<_> = self.seen.iter().map(key_of).collect();
        let expected: Vec<_> = expected.iter().copied().map(Some).collect();
        same(what, seen, expected)
    }
}

/// The key that a change concerns, if it concerns one.
pub(crate) fn key_of(change: &Change) -> Option<KeyId> {
    match change.changed {
        Changed::Key { key, .. } => Some(key),
        Changed::Organization(_) => None,
    }
}

/// How long to go on asking for what must come soon.
pub(crate) struct Patience {
    awaited: &'static str,
    since: Instant,
}

impl Patience {
    const LONGEST: Duration = Duration::from_secs(5);

    pub(crate) fn new(awaited: &'static str) -> Self {
        Self { awaited, since: Instant::now() }
    }

    /// Makes room between two attempts; fails when there were enough.
    pub(crate) async fn pause(&mut self) -> Outcome {
        let waited = self.since.elapsed();
        if waited > Self::LONGEST {
            let within = format!("within {:?}", Self::LONGEST);
            return Err(Failure::new(self.awaited, within, "not yet"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(())
    }
}
