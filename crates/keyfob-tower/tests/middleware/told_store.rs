use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use keyfob::{
    Attribution, Changes, Committed, Event, EventQuery, FeedPosition, FoundKey, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyHash, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore,
    NewEvent, NewKey, OrganizationId, Page, Reason, Rotation, StoreError, Switch, Timestamp,
    UsageBatch, UsageQuery, UsageRow,
};
use keyfob_memory::MemoryStore;
use tokio::sync::Semaphore;

/// A memory store whose lookups are counted, and answer as they are told.
#[derive(Clone)]
pub(crate) struct ToldStore(Arc<Inner>);

struct Inner {
    store: MemoryStore,
    finds: AtomicUsize,
    told: Mutex<Told>,
    answers: Semaphore,
}

#[derive(Clone, Copy)]
enum Told {
    Truth,
    Outage,
    Wait,
    Change(fn(&mut FoundKey)),
}

impl ToldStore {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            store: MemoryStore::new(),
            finds: AtomicUsize::new(0),
            told: Mutex::new(Told::Truth),
            answers: Semaphore::new(0),
        }))
    }

    /// How many lookups there were.
    pub(crate) fn finds(&self) -> usize {
        self.0.finds.load(Ordering::SeqCst)
    }

    /// Lookups fail from now on.
    pub(crate) fn break_down(&self) {
        self.tell(Told::Outage);
    }

    /// Lookups wait for [`answer_one`](Self::answer_one) from now on.
    pub(crate) fn hold_answers(&self) {
        self.tell(Told::Wait);
    }

    pub(crate) fn answer_one(&self) {
        self.0.answers.add_permits(1);
    }

    /// Keys are found as this leaves them from now on.
    pub(crate) fn change_found(&self, change: fn(&mut FoundKey)) {
        self.tell(Told::Change(change));
    }

    fn tell(&self, told: Told) {
        *self.0.told.lock().unwrap() = told;
    }
}

impl KeyStore for ToldStore {
    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.0.finds.fetch_add(1, Ordering::SeqCst);
        let mut found = self.0.store.find(hashes).await?;
        let told = *self.0.told.lock().unwrap();
        match told {
            Told::Truth => {}
            Told::Outage => return Err(StoreError::Unavailable("it was told to fail".into())),
            Told::Wait => self.0.answers.acquire().await.unwrap().forget(),
            Told::Change(change) => found.keys.iter_mut().flatten().for_each(change),
        }
        Ok(found)
    }

    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.0.store.insert(key, limit, by).await
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
        self.0.store.record_usage(batch).await
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
        self.0.store.changes(after, limit).await
    }

    async fn wait(&self, after: FeedPosition) {
        self.0.store.wait(after).await;
    }
}
