use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyfob_store::{
    Committed, DynStore, Environment, KeyHash, KeyId, KeyLimit, KeyRecord, KeyStore, NewKey,
    NewSecret, OrganizationId, ScopeNames, UsageBatch, UsageCount,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Failure;
use crate::factory::{AnyFactory, Place};
use crate::failure::created;
use crate::sample::{at, by, organization};

/// Where one check plays: fresh data, handles on it, and keys that no other check has.
pub(crate) struct Stage {
    place: Box<dyn Place>,
    keys_made: AtomicU64,
}

impl Stage {
    pub(crate) async fn fresh(factory: Arc<dyn AnyFactory>) -> Result<Self, Failure> {
        match factory.create().await {
            Ok(place) => Ok(Self { place, keys_made: AtomicU64::new(0) }),
            Err(error) => Err(Failure::unopened("making a place for data", &error)),
        }
    }

    /// Another handle on the same data.
    pub(crate) async fn open(&self) -> Result<DynStore, Failure> {
        self.place.open().await.map_err(|error| Failure::unopened("opening a handle", &error))
    }

    /// Damages a stored key. False: a store of this kind can't be damaged.
    pub(crate) async fn damage(&self, key: KeyId) -> Result<bool, Failure> {
        let damaged = self.place.damage(key).await;
        damaged.map_err(|error| Failure::unopened("damaging a key", &error))
    }

    /// Two handles on the same data, as two processes would have.
    pub(crate) async fn open_two(&self) -> Result<[DynStore; 2], Failure> {
        Ok([self.open().await?, self.open().await?])
    }

    /// A key to insert, unlike every other one, made this many seconds into the check.
    pub(crate) fn key(&self, organization: &OrganizationId, seconds: i64) -> NewKey {
        let number = self.keys_made.fetch_add(1, Ordering::Relaxed);
        let hash = unlike_any_other(number);
        NewKey {
            id: KeyId::new(at(seconds), (number << 2).to_be_bytes()),
            organization: organization.clone(),
            name: format!("key {number}").parse().expect("a name"),
            environment: Environment::Live,
            scopes: ScopeNames::parse("org:read shield:write").expect("scope names"),
            expires_at: None,
            secret: NewSecret {
                hash,
                hint: format!("tk_live_{:08x}", hash.prefix() >> 32).parse().expect("a hint"),
            },
            idempotency: None,
        }
    }

    /// A secret unlike every other one.
    pub(crate) fn secret(&self) -> NewSecret {
        self.key(&organization("nobody"), 0).secret
    }

    /// A batch of usage unlike every other one, gathered as the check begins.
    pub(crate) fn batch(&self, counts: Vec<UsageCount>) -> UsageBatch {
        let mut id = [0; 16];
        id.copy_from_slice(&self.secret().hash.as_bytes()[..16]);
        UsageBatch { id, at: at(0), counts }
    }

    /// A key that is stored already, made by `user:maker`.
    pub(crate) async fn stored(
        &self,
        store: &DynStore,
        organization: &OrganizationId,
        seconds: i64,
    ) -> Result<Committed<KeyRecord>, Failure> {
        self.stored_as(store, self.key(organization, seconds), seconds).await
    }

    /// This key, stored.
    pub(crate) async fn stored_as(
        &self,
        store: &DynStore,
        key: NewKey,
        seconds: i64,
    ) -> Result<Committed<KeyRecord>, Failure> {
        created(store.insert(key, KeyLimit::Unlimited, by("user:maker", seconds)).await)
    }
}

/// Bytes that look random and are the same in every run, so that a failure can be had again.
fn unlike_any_other(number: u64) -> KeyHash {
    let mut bytes = [0; 32];
    for (word, index) in bytes.chunks_exact_mut(8).zip(0..) {
        word.copy_from_slice(&splitmix(number * 4 + index).to_be_bytes());
    }
    KeyHash::from_bytes(bytes)
}

/// One output of Steele, Lea and Flood's `SplitMix64`, which maps no two numbers to the same.
pub(crate) fn splitmix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Runs futures side by side, all started at once, and gives their results in their order.
pub(crate) async fn together<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let futures: Vec<F> = futures.into_iter().collect();
    let start = Arc::new(Barrier::new(futures.len()));
    let mut running = JoinSet::new();
    for (index, future) in futures.into_iter().enumerate() {
        let start = start.clone();
        running.spawn(async move {
            start.wait().await;
            (index, future.await)
        });
    }
    // Panics when one of them did, which fails the check.
    let mut done = running.join_all().await;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, output)| output).collect()
}
