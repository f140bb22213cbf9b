use keyfob_memory::MemoryStore;
use keyfob_store::{
    Attribution, Changes, Committed, DelegateKeyStore, Event, EventQuery, FeedCursor, FeedPosition,
    FoundKeys, Hour, ImportError, Issued, KeyEdit, KeyHash, KeyId, KeyLimit, KeyQuery, KeyRecord,
    KeyStore, NewEvent, NewKey, NodeId, NodeReport, OrganizationId, Page, Reason, Rotation,
    StoreError, Switch, Timestamp, UsageBatch, UsageQuery, UsageRow,
};

use crate::fault::Fault;
use crate::faulty_store::FaultyStore;

impl DelegateKeyStore for FaultyStore {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.honest
    }

    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.faulty_insert(key, limit, by).await
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.faulty_find(hashes).await
    }

    async fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        self.faulty_get(organization, key).await
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        self.faulty_list(organization, query, at).await
    }

    async fn keys_in_use(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.faulty_count(organization, at)
    }

    async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.faulty_revoke(organization, key, reason, by).await
    }

    async fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        self.faulty_import(keys, limit, by).await
    }

    async fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.faulty_rotate(organization, key, rotation, by).await
    }

    async fn retire_old_secret(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.faulty_retire(organization, key, by).await
    }

    async fn switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.faulty_switch(organization, key, to, by).await
    }

    async fn edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.faulty_edit(organization, key, edit, limit, by).await
    }

    async fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        self.faulty_delete(organization, by).await
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        self.faulty_record(batch).await
    }

    async fn usage(
        &self,
        organization: &OrganizationId,
        query: UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.faulty_usage(organization, query)
    }

    async fn prune_usage(&self, before: Hour) -> Result<u64, StoreError> {
        self.faulty_prune(before)
    }

    async fn append_event(&self, event: NewEvent, by: Attribution) -> Result<Event, StoreError> {
        self.faulty_append(event, by)
    }

    async fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        self.faulty_events(organization, query)
    }

    async fn position(&self) -> Result<FeedCursor, StoreError> {
        self.faulty_position()
    }

    async fn changes(&self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        self.faulty_changes(after, limit)
    }

    async fn wait(&self, after: FeedPosition) {
        assert!(self.fault != Fault::WaitingPanics, "a fault that was asked for");
        self.honest.wait(after).await;
    }

    async fn report_node(&self, report: NodeReport) -> Result<(), StoreError> {
        self.faulty_report(report).await
    }

    async fn nodes(&self) -> Result<Vec<NodeReport>, StoreError> {
        self.faulty_nodes().await
    }

    async fn forget_node(&self, node: NodeId) -> Result<(), StoreError> {
        self.faulty_forget(node).await
    }
}
