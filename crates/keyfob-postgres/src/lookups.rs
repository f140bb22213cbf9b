use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keyfob_store::{FoundKeys, KeyHash, StoreError};

use crate::horizon::{Horizon, Moment};
use crate::lanes::Lanes;
use crate::reads::lookup::Lookup;

/// Decides who answers a lookup: a replica that may, or the primary.
///
/// A replica may, if this store has heard from the primary lately, and if the replica's answer is as new as all that
/// was seen when the lookup began. The second keeps a lagging replica from reviving what this node knows to be
/// revoked. The first is for what this node does not know: cut off from the primary, it sees no more of the
/// feed, its lease runs out, and each key is asked about. A replica that is cut off as well would go on to
/// say yes for as long as that lasts.
pub(crate) struct Lookups {
    primary: Lookup,
    replicas: Box<[Replica]>,
    next: AtomicUsize,
    freshness: Duration,
    /// How long a replica is waited for: the primary is still to be asked then.
    patience: Duration,
    horizon: Arc<Horizon>,
}

/// A replica, and until when it is left alone.
pub(crate) struct Replica {
    lookup: Lookup,
    rest: Mutex<Rest>,
}

#[derive(Clone, Copy, Default)]
struct Rest {
    until: Option<Instant>,
    /// How often it failed, one after the other.
    failures: u32,
}

impl Lookups {
    pub(crate) fn new(
        primary: Lookup,
        replicas: Vec<Lookup>,
        freshness: Duration,
        timeout: Duration,
        horizon: Arc<Horizon>,
    ) -> Self {
        let replica = |lookup| Replica { lookup, rest: Mutex::default() };
        Self {
            primary,
            replicas: replicas.into_iter().map(replica).collect(),
            next: AtomicUsize::new(0),
            freshness,
            patience: timeout / 4,
            horizon,
        }
    }

    pub(crate) async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        if let Some((replica, heard)) = self.replica() {
            let seen = self.horizon.seen();
            match tokio::time::timeout(self.patience, replica.lookup.find(hashes)).await {
                Ok(Ok(found)) if found.position >= seen => {
                    replica.is_well();
                    // It is right as of then, and then must not have become long ago while it was waited for.
                    if heard.is_within(self.freshness) {
                        return self.completed(hashes, found).await;
                    }
                }
                _ => replica.failed(),
            }
        }
        self.ask_primary(hashes).await
    }

    /// Asks the primary about what the replica does not know: a key that was made on another node a moment ago, and
    /// is presented here before the replica has it, is a good key. The same goes for a key that is damaged there. The
    /// price is that a key which neither has is asked for twice.
    async fn completed(
        &self,
        hashes: &[KeyHash],
        mut found: FoundKeys,
    ) -> Result<FoundKeys, StoreError> {
        let is_missing = |key: &Result<Option<_>, _>| !matches!(key, Ok(Some(_)));
        let asked = hashes.iter().zip(&found.keys);
        let unknown: Vec<_> =
            asked.filter(|(_, key)| is_missing(key)).map(|(hash, _)| *hash).collect();
        if !unknown.is_empty() {
            let newer = self.ask_primary(&unknown).await?;
            let places = found.keys.iter_mut().filter(|key| is_missing(key));
            for (place, key) in places.zip(newer.keys) {
                *place = key;
            }
            found.position = found.position.min(newer.position);
        }
        Ok(found)
    }

    async fn ask_primary(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        let asked = Moment::now();
        let found = self.primary.find(hashes).await?;
        self.horizon.heard(asked, found.position);
        Ok(found)
    }

    /// The connections to the primary that lookups share.
    pub(crate) fn primary(&self) -> &Lanes {
        self.primary.lanes()
    }

    pub(crate) fn close(&self) {
        self.primary.lanes().close();
        for replica in &self.replicas {
            replica.lookup.lanes().close();
        }
    }

    /// The next that may be asked, in turn, and since when it may: when the primary was last heard.
    fn replica(&self) -> Option<(&Replica, Moment)> {
        if self.replicas.is_empty() {
            return None;
        }
        let heard = self.horizon.last_heard().filter(|heard| heard.is_within(self.freshness))?;
        let (now, turn) = (Instant::now(), self.next.fetch_add(1, Ordering::Relaxed));
        let count = self.replicas.len();
        (0..count)
            .map(|offset| &self.replicas[turn.wrapping_add(offset) % count])
            .find(|replica| !replica.rests(now))
            .map(|replica| (replica, heard))
    }
}

/// The first rest of a replica that failed or lags. Each that follows is twice as long, up to the longest.
const FIRST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(2);

impl Replica {
    fn rests(&self, now: Instant) -> bool {
        self.rest().until.is_some_and(|until| now < until)
    }

    fn is_well(&self) {
        *self.rest() = Rest::default();
    }

    fn failed(&self) {
        let mut rest = self.rest();
        let nap = FIRST_REST.saturating_mul(1 << rest.failures.min(10)).min(LONGEST_REST);
        *rest = Rest { until: Some(Instant::now() + nap), failures: rest.failures + 1 };
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        // Nothing panics while it is held, so it guards a whole state.
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
