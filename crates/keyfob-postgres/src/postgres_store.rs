use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyfob_store::{
    Attribution, Changes, Committed, Event, EventQuery, FeedCursor, FeedPosition, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyHash, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore,
    NewEvent, NewKey, NodeId, NodeReport, OrganizationId, Page, Reason, Rotation, StoreError,
    Switch, Timestamp, UsageBatch, UsageQuery, UsageRow,
};

use crate::parts::Parts;
use crate::writes::changes::{Edit, RetireOldSecret, Revoke, Rotate, SwitchKey, Target};
use crate::writes::insertions::{Import, Insert};
use crate::writes::organizations::{AppendEvent, DeleteOrganization};
use crate::{OpenError, PostgresOptions};

/// Keys in a PostgreSQL database. A clone is another handle on the same connections.
///
/// It works within a tokio runtime with its timers and its network enabled: the one that it is opened on, which must
/// outlive it. When the last clone is dropped, what was sent is finished and the connections are closed;
/// [`close`](Self::close) also waits for that.
///
/// # Cancel safety
/// A read that is dropped is not done. A write that is dropped may be done, wholly, or not at all.
#[derive(Clone)]
pub struct PostgresStore(Arc<Parts>);

impl PostgresStore {
    /// Connects with the defaults of [`PostgresOptions::new`], and creates the schema if it is missing.
    ///
    /// # Errors
    /// [`OpenError`]; the database is as it was before.
    ///
    /// # Cancel safety
    /// A future that is dropped may have created and migrated the schema.
    pub async fn open(url: impl Into<String>) -> Result<Self, OpenError> {
        Self::open_with(PostgresOptions::new(url)).await
    }

    /// Connects as the options say.
    ///
    /// # Errors
    /// [`OpenError`]; the database is as it was before.
    ///
    /// # Cancel safety
    /// A future that is dropped may have created and migrated the schema.
    pub async fn open_with(options: PostgresOptions) -> Result<Self, OpenError> {
        Parts::open(&options).await.map(|parts| Self(Arc::new(parts)))
    }

    /// Takes no more requests, from whichever clone; finishes the writes that were sent; and gives up the
    /// connections.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

fn target(organization: &OrganizationId, key: KeyId, by: Attribution) -> Target {
    Target { organization: organization.clone(), key, by }
}

impl KeyStore for PostgresStore {
    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.0.writes.run(Insert { key, limit, by }).await
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.0.lookups.find(hashes).await
    }

    async fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        self.0.reads.get(&self.0.primary, organization, key).await
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        self.0.reads.list(&self.0.primary, organization, &query, at).await
    }

    async fn keys_in_use(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.0.reads.keys_in_use(&self.0.primary, organization, at).await
    }

    async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.writes.run(Revoke(target(organization, key, by), reason)).await
    }

    async fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        let failed = Arc::new(AtomicUsize::new(0));
        let import = Import { keys, limit, by, failed: failed.clone() };
        self.0
            .writes
            .run(import)
            .await
            .map_err(|error| ImportError { index: failed.load(Ordering::Relaxed), error })
    }

    async fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.0.writes.run(Rotate(target(organization, key, by), rotation)).await
    }

    async fn retire_old_secret(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.writes.run(RetireOldSecret(target(organization, key, by))).await
    }

    async fn switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.writes.run(SwitchKey(target(organization, key, by), to)).await
    }

    async fn edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.0.writes.run(Edit(target(organization, key, by), edit, limit)).await
    }

    async fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        self.0.writes.run(DeleteOrganization(organization.clone(), by)).await
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        self.0.usage_writes.record(&self.0.primary, batch).await
    }

    async fn usage(
        &self,
        organization: &OrganizationId,
        query: UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.0.reads.usage(&self.0.primary, organization, &query).await
    }

    async fn prune_usage(&self, before: Hour) -> Result<u64, StoreError> {
        self.0.usage_writes.prune(&self.0.primary, before).await
    }

    async fn append_event(&self, event: NewEvent, by: Attribution) -> Result<Event, StoreError> {
        self.0.writes.run(AppendEvent(event, by)).await
    }

    async fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        self.0.reads.events(&self.0.primary, organization, &query).await
    }

    async fn position(&self) -> Result<FeedCursor, StoreError> {
        self.0.feed.position(self.0.lookups.primary(), &self.0.horizon).await
    }

    async fn changes(&self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        self.0.feed.changes(self.0.lookups.primary(), &self.0.horizon, after, limit).await
    }

    /// Returns at once after a commit of this store, and within a millisecond or two after one of
    /// another node, as long as its notification is heard.
    async fn wait(&self, after: FeedPosition) {
        self.0.horizon.wait(after).await;
    }

    async fn report_node(&self, report: NodeReport) -> Result<(), StoreError> {
        self.0.node_writes.report(&self.0.primary, &report).await
    }

    async fn nodes(&self) -> Result<Vec<NodeReport>, StoreError> {
        self.0.reads.nodes(&self.0.primary).await
    }

    async fn forget_node(&self, node: NodeId) -> Result<(), StoreError> {
        self.0.node_writes.forget(&self.0.primary, node).await
    }
}
