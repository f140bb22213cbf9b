use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use keyfob_store::{
    Attribution, Changes, Committed, Event, EventQuery, FeedCursor, FeedPosition, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyHash, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore,
    NewEvent, NewKey, NodeId, NodeReport, OrganizationId, Page, Reason, Rotation, StoreError,
    Switch, Timestamp, UsageBatch, UsageQuery, UsageRow,
};
use tokio::sync::watch;

use crate::state::State;

/// Keys in memory. A clone is another handle on the same keys.
///
/// One lock is held for the length of a method, and no method waits for anything else, so each is
/// atomic and a dropped future has written all or nothing.
///
/// ```
/// # use keyfob_memory::MemoryStore;
/// # use keyfob_store::{DynStore, KeyStore};
/// let store = MemoryStore::new();
/// let chosen_at_run_time = DynStore::new(store.clone());
/// # let _ = chosen_at_run_time;
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The end of the feed, for those who wait for it to move.
    end: watch::Sender<FeedPosition>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { state: Mutex::default(), end: watch::Sender::new(FeedPosition::START) }
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies everything into a store of its own: a backup.
    #[must_use]
    pub fn backup(&self) -> Self {
        let state = self.read().clone();
        let end = watch::Sender::new(state.end());
        Self(Arc::new(Shared { state: Mutex::new(state), end }))
    }

    /// Takes everything back to what a backup holds, as a failover that lost commits does. Followers
    /// that had read further get [`StoreError::FeedLost`].
    ///
    /// ```
    /// # use keyfob_memory::MemoryStore;
    /// let store = MemoryStore::new();
    /// let backup = store.backup();
    /// // Changes go here.
    /// store.restore(&backup);
    /// ```
    pub fn restore(&self, backup: &Self) {
        let state = backup.read().clone();
        self.write(|now| *now = state);
    }

    fn read(&self) -> MutexGuard<'_, State> {
        // Each write of `State` comes after all that can fail, so a panic elsewhere leaves it whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a write, and wakes whoever waits when it moved the end of the feed.
    fn write<T>(&self, write: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.read();
        let done = write(&mut state);
        let end = state.end();
        self.0.end.send_if_modified(|sent| std::mem::replace(sent, end) != end);
        done
    }
}

impl KeyStore for MemoryStore {
    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.write(|state| state.insert(key, limit, by))
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        Ok(self.read().find(hashes))
    }

    async fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        self.read().get(organization, key).cloned()
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        Ok(self.read().list(organization, &query, at))
    }

    async fn keys_in_use(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        Ok(self.read().keys_in_use(organization, at))
    }

    async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.write(|state| state.revoke(organization, key, reason, by))
    }

    async fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        self.write(|state| state.import(keys, limit, &by))
    }

    async fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.write(|state| state.rotate(organization, key, &rotation, by))
    }

    async fn retire_old_secret(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.write(|state| state.retire_old_secret(organization, key, by))
    }

    async fn switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.write(|state| state.switch(organization, key, to, by))
    }

    async fn edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.write(|state| state.edit(organization, key, edit, limit, by))
    }

    async fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        Ok(self.write(|state| state.delete_organization(organization, by)))
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        let now = SystemTime::now().into();
        self.write(|state| state.record_usage(batch, now));
        Ok(())
    }

    async fn usage(
        &self,
        organization: &OrganizationId,
        query: UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let state = self.read();
        Ok(state.usage.read(&query, |key| state.owns(organization, key)))
    }

    async fn prune_usage(&self, before: Hour) -> Result<u64, StoreError> {
        Ok(self.write(|state| state.usage.prune(before)))
    }

    async fn append_event(&self, event: NewEvent, by: Attribution) -> Result<Event, StoreError> {
        Ok(self.write(|state| state.append_event(event, by)))
    }

    async fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        Ok(self.read().events(organization, &query))
    }

    async fn position(&self) -> Result<FeedCursor, StoreError> {
        Ok(self.read().cursor())
    }

    async fn changes(&self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        self.read().changes(after, limit)
    }

    /// Returns as soon as something after the position is committed.
    async fn wait(&self, after: FeedPosition) {
        // The sender lives as long as `self`, so the only end is that the feed has moved.
        let _ = self.0.end.subscribe().wait_for(|end| *end > after).await;
    }

    async fn report_node(&self, report: NodeReport) -> Result<(), StoreError> {
        self.read().report_node(report)
    }

    async fn nodes(&self) -> Result<Vec<NodeReport>, StoreError> {
        Ok(self.read().nodes.list())
    }

    async fn forget_node(&self, node: NodeId) -> Result<(), StoreError> {
        self.read().nodes.forget(node);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use keyfob_store::{Action, Actor, Author, Details};

    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_something_is_committed() {
        let store = MemoryStore::new();
        let writer = store.clone();
        let event = NewEvent {
            organization: "acme".parse().unwrap(),
            action: Action::custom("organization.created").unwrap(),
            details: Details::new(),
        };
        let by = Author::from(Actor::new("cli").unwrap()).at(Timestamp::from_micros(0));
        let write = async move { writer.append_event(event, by).await };
        let ((), written) = tokio::join!(store.wait(FeedPosition::START), write);
        assert!(written.unwrap().position > FeedPosition::START);
        store.wait(FeedPosition::START).await;
    }
}
