use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use keyfob_core::KeyHash;

use crate::{
    Attribution, Changes, Committed, Event, EventQuery, FeedPosition, FoundKeys, Hour, ImportError,
    Issued, KeyEdit, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore, NewEvent, NewKey,
    OrganizationId, Page, Reason, Rotation, StoreError, Switch, Timestamp, UsageBatch, UsageQuery,
    UsageRow,
};

/// A store chosen at run time, at the price of one allocation a call.
///
/// It is a cheap clone, and a [`KeyStore`] itself.
#[derive(Clone)]
pub struct DynStore(Arc<dyn BoxedKeyStore>);

impl DynStore {
    /// Hides which store it is.
    pub fn new(store: impl KeyStore) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for DynStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynStore").finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
impl KeyStore for DynStore {
    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.0.insert(key, limit, by).await
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.0.find(hashes).await
    }

    async fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        self.0.get(organization, key).await
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        self.0.list(organization, query, at).await
    }

    async fn keys_in_use(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.0.keys_in_use(organization, at).await
    }

    async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.revoke(organization, key, reason, by).await
    }

    async fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        self.0.import(keys, limit, by).await
    }

    async fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.0.rotate(organization, key, rotation, by).await
    }

    async fn retire_old_secret(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.retire_old_secret(organization, key, by).await
    }

    async fn switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.switch(organization, key, to, by).await
    }

    async fn edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.edit(organization, key, edit, limit, by).await
    }

    async fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        self.0.delete_organization(organization, by).await
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        self.0.record_usage(batch).await
    }

    async fn usage(
        &self,
        organization: &OrganizationId,
        query: UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.0.usage(organization, query).await
    }

    async fn prune_usage(&self, before: Hour) -> Result<u64, StoreError> {
        self.0.prune_usage(before).await
    }

    async fn append_event(&self, event: NewEvent, by: Attribution) -> Result<Event, StoreError> {
        self.0.append_event(event, by).await
    }

    async fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        self.0.events(organization, query).await
    }

    async fn position(&self) -> Result<FeedPosition, StoreError> {
        self.0.position().await
    }

    async fn changes(&self, after: FeedPosition, limit: usize) -> Result<Changes, StoreError> {
        self.0.changes(after, limit).await
    }

    async fn wait(&self, after: FeedPosition) {
        self.0.wait(after).await;
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The twin of [`KeyStore`] whose futures are boxed, which is what makes it a trait object.
trait BoxedKeyStore: Send + Sync + 'static {
    fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> BoxFuture<'_, Result<Issued, StoreError>>;
    fn find<'a>(&'a self, hashes: &'a [KeyHash]) -> BoxFuture<'a, Result<FoundKeys, StoreError>>;
    fn get<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
    ) -> BoxFuture<'a, Result<KeyRecord, StoreError>>;
    fn list<'a>(
        &'a self,
        organization: &'a OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Page<KeyRecord, KeyId>, StoreError>>;
    fn keys_in_use<'a>(
        &'a self,
        organization: &'a OrganizationId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StoreError>>;
    fn revoke<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>>;
    fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> BoxFuture<'_, Result<Committed<Vec<KeyRecord>>, ImportError>>;
    fn rotate<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Issued, StoreError>>;
    fn retire_old_secret<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>>;
    fn switch<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>>;
    fn edit<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>>;
    fn delete_organization<'a>(
        &'a self,
        organization: &'a OrganizationId,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<()>, StoreError>>;
    fn record_usage<'a>(&'a self, batch: &'a UsageBatch) -> BoxFuture<'a, Result<(), StoreError>>;
    fn usage<'a>(
        &'a self,
        organization: &'a OrganizationId,
        query: UsageQuery,
    ) -> BoxFuture<'a, Result<Vec<UsageRow>, StoreError>>;
    fn prune_usage(&self, before: Hour) -> BoxFuture<'_, Result<u64, StoreError>>;
    fn append_event(
        &self,
        event: NewEvent,
        by: Attribution,
    ) -> BoxFuture<'_, Result<Event, StoreError>>;
    fn events<'a>(
        &'a self,
        organization: &'a OrganizationId,
        query: EventQuery,
    ) -> BoxFuture<'a, Result<Page<Event, FeedPosition>, StoreError>>;
    fn position(&self) -> BoxFuture<'_, Result<FeedPosition, StoreError>>;
    fn changes(
        &self,
        after: FeedPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Changes, StoreError>>;
    fn wait(&self, after: FeedPosition) -> BoxFuture<'_, ()>;
}

impl<T: KeyStore> BoxedKeyStore for T {
    fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> BoxFuture<'_, Result<Issued, StoreError>> {
        Box::pin(KeyStore::insert(self, key, limit, by))
    }

    fn find<'a>(&'a self, hashes: &'a [KeyHash]) -> BoxFuture<'a, Result<FoundKeys, StoreError>> {
        Box::pin(KeyStore::find(self, hashes))
    }

    fn get<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
    ) -> BoxFuture<'a, Result<KeyRecord, StoreError>> {
        Box::pin(KeyStore::get(self, organization, key))
    }

    fn list<'a>(
        &'a self,
        organization: &'a OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Page<KeyRecord, KeyId>, StoreError>> {
        Box::pin(KeyStore::list(self, organization, query, at))
    }

    fn keys_in_use<'a>(
        &'a self,
        organization: &'a OrganizationId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(KeyStore::keys_in_use(self, organization, at))
    }

    fn revoke<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>> {
        Box::pin(KeyStore::revoke(self, organization, key, reason, by))
    }

    fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> BoxFuture<'_, Result<Committed<Vec<KeyRecord>>, ImportError>> {
        Box::pin(KeyStore::import(self, keys, limit, by))
    }

    fn rotate<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Issued, StoreError>> {
        Box::pin(KeyStore::rotate(self, organization, key, rotation, by))
    }

    fn retire_old_secret<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>> {
        Box::pin(KeyStore::retire_old_secret(self, organization, key, by))
    }

    fn switch<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>> {
        Box::pin(KeyStore::switch(self, organization, key, to, by))
    }

    fn edit<'a>(
        &'a self,
        organization: &'a OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<KeyRecord>, StoreError>> {
        Box::pin(KeyStore::edit(self, organization, key, edit, limit, by))
    }

    fn delete_organization<'a>(
        &'a self,
        organization: &'a OrganizationId,
        by: Attribution,
    ) -> BoxFuture<'a, Result<Committed<()>, StoreError>> {
        Box::pin(KeyStore::delete_organization(self, organization, by))
    }

    fn record_usage<'a>(&'a self, batch: &'a UsageBatch) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(KeyStore::record_usage(self, batch))
    }

    fn usage<'a>(
        &'a self,
        organization: &'a OrganizationId,
        query: UsageQuery,
    ) -> BoxFuture<'a, Result<Vec<UsageRow>, StoreError>> {
        Box::pin(KeyStore::usage(self, organization, query))
    }

    fn prune_usage(&self, before: Hour) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(KeyStore::prune_usage(self, before))
    }

    fn append_event(
        &self,
        event: NewEvent,
        by: Attribution,
    ) -> BoxFuture<'_, Result<Event, StoreError>> {
        Box::pin(KeyStore::append_event(self, event, by))
    }

    fn events<'a>(
        &'a self,
        organization: &'a OrganizationId,
        query: EventQuery,
    ) -> BoxFuture<'a, Result<Page<Event, FeedPosition>, StoreError>> {
        Box::pin(KeyStore::events(self, organization, query))
    }

    fn position(&self) -> BoxFuture<'_, Result<FeedPosition, StoreError>> {
        Box::pin(KeyStore::position(self))
    }

    fn changes(
        &self,
        after: FeedPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(KeyStore::changes(self, after, limit))
    }

    fn wait(&self, after: FeedPosition) -> BoxFuture<'_, ()> {
        Box::pin(KeyStore::wait(self, after))
    }
}
