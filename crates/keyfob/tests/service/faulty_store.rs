use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use keyfob::{
    Attribution, Changes, Committed, DynStore, Event, EventQuery, FeedPosition, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyHash, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore,
    NewEvent, NewKey, OrganizationId, Page, Reason, Rotation, StoreError, Switch, Timestamp,
    UsageBatch, UsageQuery, UsageRow,
};
use keyfob_memory::MemoryStore;
use tokio::sync::{Notify, Semaphore, watch};

/// A store, in memory unless it is given one, whose lookups are counted, and which can be made to misbehave.
#[derive(Clone)]
pub(crate) struct FaultyStore(Arc<Faults>);

struct Faults {
    store: DynStore,
    finds: AtomicUsize,
    hashes: AtomicUsize,
    lookups_fail: AtomicBool,
    lookups_hang: AtomicBool,
    feed_fails: AtomicBool,
    feed_is_lost: AtomicBool,
    hints: AtomicBool,
    usage_fails: AtomicBool,
    usage_answers_get_lost: AtomicBool,
    /// A lookup has read, and is about to answer.
    read: Semaphore,
    answers_are_held: watch::Sender<bool>,
    feed_is_held: watch::Sender<bool>,
    hint: Notify,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self::over(DynStore::new(MemoryStore::new()))
    }

    pub(crate) fn over(store: DynStore) -> Self {
        Self(Arc::new(Faults {
            store,
            finds: AtomicUsize::new(0),
            hashes: AtomicUsize::new(0),
            lookups_fail: AtomicBool::new(false),
            lookups_hang: AtomicBool::new(false),
            feed_fails: AtomicBool::new(false),
            feed_is_lost: AtomicBool::new(false),
            hints: AtomicBool::new(true),
            usage_fails: AtomicBool::new(false),
            usage_answers_get_lost: AtomicBool::new(false),
            read: Semaphore::new(0),
            answers_are_held: watch::Sender::new(false),
            feed_is_held: watch::Sender::new(false),
            hint: Notify::new(),
        }))
    }

    /// How many lookups there were.
    pub(crate) fn finds(&self) -> usize {
        self.0.finds.load(Ordering::SeqCst)
    }

    /// How many hashes were asked for.
    pub(crate) fn hashes(&self) -> usize {
        self.0.hashes.load(Ordering::SeqCst)
    }

    pub(crate) fn fail_lookups(&self, fail: bool) {
        self.0.lookups_fail.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn hang_lookups(&self, hang: bool) {
        self.0.lookups_hang.store(hang, Ordering::SeqCst);
    }

    pub(crate) fn fail_feed(&self, fail: bool) {
        self.0.feed_fails.store(fail, Ordering::SeqCst);
    }

    /// The next read of the feed does not know its position.
    pub(crate) fn lose_feed(&self) {
        self.0.feed_is_lost.store(true, Ordering::SeqCst);
    }

    pub(crate) fn fail_usage(&self, fail: bool) {
        self.0.usage_fails.store(fail, Ordering::SeqCst);
    }

    /// Usage is recorded, and the answer is an error all the same.
    pub(crate) fn lose_answers_of_usage(&self, lose: bool) {
        self.0.usage_answers_get_lost.store(lose, Ordering::SeqCst);
    }

    pub(crate) fn silence_hints(&self) {
        self.0.hints.store(false, Ordering::SeqCst);
    }

    /// From now on a lookup reads, and holds its answer back until it is released.
    pub(crate) fn hold_answers(&self) {
        self.0.answers_are_held.send_replace(true);
    }

    pub(crate) async fn lookup_has_read(&self) {
        self.0.read.acquire().await.unwrap().forget();
    }

    pub(crate) fn release_answers(&self) {
        self.0.answers_are_held.send_replace(false);
    }

    /// Reads of the feed that begin from now on wait until it is no longer held.
    pub(crate) fn hold_feed(&self, hold: bool) {
        self.0.feed_is_held.send_replace(hold);
    }

    /// Has whoever follows the feed read it.
    pub(crate) fn hint(&self) {
        self.0.hint.notify_one();
    }

    /// How many hold the store, the follower of a service among them.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

async fn until_released(held: &watch::Sender<bool>) {
    held.subscribe().wait_for(|held| !held).await.unwrap();
}

fn outage<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("it was told to fail".into()))
}

impl KeyStore for FaultyStore {
    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.0.store.insert(key, limit, by).await
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.0.finds.fetch_add(1, Ordering::SeqCst);
        self.0.hashes.fetch_add(hashes.len(), Ordering::SeqCst);
        if self.0.lookups_fail.load(Ordering::SeqCst) {
            return outage();
        }
        if self.0.lookups_hang.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let found = self.0.store.find(hashes).await;
        if *self.0.answers_are_held.borrow() {
            self.0.read.add_permits(1);
            until_released(&self.0.answers_are_held).await;
        }
        found
    }

    async fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        self.0.store.get(organization, key).await
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        self.0.store.list(organization, query, at).await
    }

    async fn keys_in_use(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.0.store.keys_in_use(organization, at).await
    }

    async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.store.revoke(organization, key, reason, by).await
    }

    async fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        self.0.store.import(keys, limit, by).await
    }

    async fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.0.store.rotate(organization, key, rotation, by).await
    }

    async fn retire_old_secret(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.store.retire_old_secret(organization, key, by).await
    }

    async fn switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.store.switch(organization, key, to, by).await
    }

    async fn edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.store.edit(organization, key, edit, limit, by).await
    }

    async fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        self.0.store.delete_organization(organization, by).await
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        if self.0.usage_fails.load(Ordering::SeqCst) {
            return outage();
        }
        self.0.store.record_usage(batch).await?;
        if self.0.usage_answers_get_lost.load(Ordering::SeqCst) { outage() } else { Ok(()) }
    }

    async fn usage(
        &self,
        organization: &OrganizationId,
        query: UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.0.store.usage(organization, query).await
    }

    async fn prune_usage(&self, before: Hour) -> Result<u64, StoreError> {
        self.0.store.prune_usage(before).await
    }

    async fn append_event(&self, event: NewEvent, by: Attribution) -> Result<Event, StoreError> {
        self.0.store.append_event(event, by).await
    }

    async fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        self.0.store.events(organization, query).await
    }

    async fn position(&self) -> Result<FeedPosition, StoreError> {
        self.0.store.position().await
    }

    async fn changes(&self, after: FeedPosition, limit: usize) -> Result<Changes, StoreError> {
        if self.0.feed_fails.load(Ordering::SeqCst) {
            return outage();
        }
        if self.0.feed_is_lost.swap(false, Ordering::SeqCst) {
            return Err(StoreError::FeedLost);
        }
        until_released(&self.0.feed_is_held).await;
        self.0.store.changes(after, limit).await
    }

    async fn wait(&self, after: FeedPosition) {
        let stores_own = async {
            if self.0.hints.load(Ordering::SeqCst) {
                self.0.store.wait(after).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = stores_own => {}
            () = self.0.hint.notified() => {}
        }
    }
}
