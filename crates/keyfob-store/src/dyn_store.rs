use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use keyfob_core::KeyHash;

use crate::{
    Attribution, Changes, Committed, Event, EventQuery, FeedPosition, FoundKeys, Inserted, KeyId,
    KeyLimit, KeyQuery, KeyRecord, KeyStore, NewEvent, NewKey, OrganizationId, Page, Reason,
    StoreError, Timestamp,
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
    ) -> Result<Inserted, StoreError> {
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
    ) -> BoxFuture<'_, Result<Inserted, StoreError>>;
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
    ) -> BoxFuture<'_, Result<Inserted, StoreError>> {
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
