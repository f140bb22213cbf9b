use std::sync::Arc;
use std::time::Duration;

use keyfob_core::{Environment, KeyFormat, KeyHash, PresentedKey, Scope};
use keyfob_store::{Change, FoundKeys, KeyStore, Outcome, StoreError};
use tokio::runtime::Handle;

use crate::attempts::SharedAttempts;
use crate::cache::{Cache, CachedKey, Verdict};
use crate::clock::Moment;
use crate::lookups::{Joined, Lookups};
use crate::registration::Registration;
use crate::usage_counter::UsageCounter;
use crate::{Clock, Outage, Principal, Refusal, Requirement, VerifyError, report};

/// What the clones of a service, its follower and its lookups share: the way from a presented key
/// to an answer.
pub(crate) struct Core<S, St> {
    pub(crate) format: KeyFormat,
    pub(crate) store: St,
    pub(crate) environments: Environments,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cache: Cache<S>,
    pub(crate) usage: UsageCounter,
    pub(crate) usage_flushes: SharedAttempts,
    pub(crate) registration: Registration,
    pub(crate) lookups: Lookups<Answer<S>>,
    pub(crate) lookup_timeout: Duration,
    /// How long a read of the feed may take, or a report of this node.
    pub(crate) feed_timeout: Duration,
    pub(crate) runtime: Handle,
}

/// Which environments a service accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environments {
    Both,
    Only(Environment),
}

/// What a lookup came to. `None`: the hash is nobody's.
pub(crate) type Answer<S> = Result<Option<CachedKey<S>>, LookupFailure>;

/// Why a lookup came to nothing.
#[derive(Clone)]
pub(crate) enum LookupFailure {
    Outage(Outage),
    /// The key changed while it was looked up.
    Overtaken,
}

/// How often a lookup that a change overtook is repeated. Each time the key must change anew.
const MOST_ATTEMPTS: usize = 4;

impl<S: Scope, St: KeyStore> Core<S, St> {
    /// What can be said of a key without asking the store, if anything can.
    ///
    /// It is no part of a future on purpose: nearly every verification ends here.
    pub(crate) fn authorize_at_once(
        &self,
        key: &[u8],
        requirement: &Requirement<S>,
    ) -> Option<Result<Principal<S>, VerifyError>> {
        let hash = match self.admit(key) {
            Ok(key) => key.hash(),
            Err(refusal) => return Some(Err(refusal.into())),
        };
        let now = self.moment();
        let known = |key: &CachedKey<S>| {
            let conclusion = self.conclude(key, requirement);
            self.usage.count(key, outcome(&conclusion), now.wall);
            Ok(conclusion?)
        };
        let unknown = || Err(Refusal::Unknown.into());
        let answer = self.cache.get(&hash, now, known, unknown)?;
        report::cache_hit();
        Some(answer)
    }

    /// What the clocks of the lease show.
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(&*self.clock)
    }

    /// Makes a committed change count here, before whoever made it learns that it is done.
    pub(crate) fn apply(&self, change: &Change) {
        self.cache.apply_own(change);
    }

    /// What can be said without looking at anything but the text.
    fn admit<'k>(&self, key: &'k [u8]) -> Result<PresentedKey<'k>, Refusal> {
        let key = self.format.parse(key)?;
        match self.environments {
            Environments::Only(accepted) if accepted != key.environment() => {
                Err(Refusal::WrongEnvironment)
            }
            _ => Ok(key),
        }
    }

    /// Whether the key is good here and now, and for this.
    fn conclude(
        &self,
        key: &CachedKey<S>,
        requirement: &Requirement<S>,
    ) -> Result<Principal<S>, Refusal> {
        let principal = key.judge(|| self.clock.wall())?;
        requirement.check(&principal)?;
        Ok(principal)
    }

    /// Asks the store. What is asked for while a lookup is under way goes into the next one.
    ///
    /// One deadline is around all of it: the wait for a batch, the store's answer, and repetitions. It
    /// runs on the caller's own runtime, so that it holds where the service's has ended.
    pub(crate) async fn look_up(
        self: &Arc<Self>,
        key: &[u8],
        requirement: &Requirement<S>,
    ) -> Result<Principal<S>, VerifyError> {
        let hash = self.admit(key)?.hash();
        let found = {
            // A caller outside of every runtime borrows the timer of the service's.
            let _timer = Handle::try_current().is_err().then(|| self.runtime.enter());
            tokio::time::timeout(self.lookup_timeout, self.look_up_hash(hash))
        };
        match found.await.unwrap_or(Err(Outage::Timeout))? {
            Some(key) => {
                let conclusion = self.conclude(&key, requirement);
                self.usage.count(&key, outcome(&conclusion), self.clock.coarse_wall());
                Ok(conclusion?)
            }
            None => Err(Refusal::Unknown.into()),
        }
    }

    async fn look_up_hash(self: &Arc<Self>, hash: KeyHash) -> Result<Option<CachedKey<S>>, Outage> {
        for _ in 0..MOST_ATTEMPTS {
            let Joined { answer, turn } = self.lookups.join(hash).ok_or(Outage::Overloaded)?;
            if let Some(turn) = turn {
                // The turn moves into the task: when that never runs, it is given back.
                let core = Arc::clone(self);
                self.runtime.spawn(turn.run(move |hashes| {
                    let core = Arc::clone(&core);
                    async move { core.ask(hashes).await }
                }));
            }
            match answer.await.map_err(|_| Outage::Interrupted)? {
                Ok(found) => return Ok(found),
                Err(LookupFailure::Outage(outage)) => return Err(outage),
                Err(LookupFailure::Overtaken) => {}
            }
        }
        Err(Outage::Overtaken)
    }

    /// Asks the store for a batch, and keeps what may be kept.
    async fn ask(&self, hashes: Vec<KeyHash>) -> Vec<(KeyHash, Answer<S>)> {
        let generation = self.cache.generation();
        let found = self.find(&hashes).await;
        report::lookup(hashes.len(), found.as_ref().err());
        match found {
            Ok(FoundKeys { position, keys }) => hashes
                .into_iter()
                .zip(keys)
                .map(|(hash, found)| {
                    let found = match found {
                        Ok(found) => found.map(CachedKey::of),
                        // Not cached: each caller learns that this key can't be judged.
                        Err(damaged) => {
                            report::damaged_key(&damaged);
                            let outage = Outage::Store(Arc::new(damaged.into()));
                            return (hash, Err(LookupFailure::Outage(outage)));
                        }
                    };
                    let verdict = self.cache.fill(hash, position, generation, found.as_ref());
                    let overtaken = verdict == Verdict::Overtaken;
                    (hash, if overtaken { Err(LookupFailure::Overtaken) } else { Ok(found) })
                })
                .collect(),
            Err(outage) => {
                let failure = LookupFailure::Outage(outage);
                hashes.into_iter().map(|hash| (hash, Err(failure.clone()))).collect()
            }
        }
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, Outage> {
        let found = tokio::time::timeout(self.lookup_timeout, self.store.find(hashes)).await;
        let found =
            found.map_err(|_| Outage::Timeout)?.map_err(|error| Outage::Store(Arc::new(error)))?;
        if found.keys.len() != hashes.len() {
            let what = "a lookup with fewer or more answers than questions";
            return Err(Outage::Store(Arc::new(StoreError::corrupt(what))));
        }
        Ok(found)
    }
}

/// What a conclusion about a known key counts as.
const fn outcome<T>(conclusion: &Result<T, Refusal>) -> Outcome {
    match conclusion {
        Ok(_) => Outcome::Accepted,
        Err(Refusal::Disabled) => Outcome::Disabled,
        Err(Refusal::Expired) => Outcome::Expired,
        Err(Refusal::Retired) => Outcome::Retired,
        Err(Refusal::OrganizationDeleted) => Outcome::OrganizationDeleted,
        Err(Refusal::WrongEnvironment) => Outcome::WrongEnvironment,
        Err(Refusal::MissingScope { .. }) => Outcome::MissingScope,
        // The first two are said of no known key.
        Err(Refusal::Malformed(_) | Refusal::Unknown | Refusal::Revoked) => Outcome::Revoked,
    }
}
