use std::sync::Arc;

use keyfob::{
    Attribution, Changes, Committed, DelegateKeyStore, DynStore, FeedCursor, FeedPosition,
    FoundKeys, Issued, KeyHash, KeyId, KeyLimit, KeyRecord, KeyStore, NewKey, NodeReport,
    OrganizationId, Reason, StoreError, UsageBatch,
};
use tokio::sync::watch;

use crate::protocol::StoreFault;

/// A store whose answers can be kept from the node, for a store that has no network to cut.
#[derive(Clone)]
pub(super) struct FaultyStore(Arc<Faults>);

struct Faults {
    store: DynStore,
    fault: watch::Sender<StoreFault>,
}

impl FaultyStore {
    pub(super) fn over(store: DynStore) -> Self {
        Self(Arc::new(Faults { store, fault: watch::Sender::new(StoreFault::None) }))
    }

    pub(super) fn set(&self, fault: StoreFault) {
        self.0.fault.send_replace(fault);
    }

    /// Whether a call gets through: at once, never, or when the fault is over.
    async fn pass(&self) -> Result<(), StoreError> {
        let mut fault = self.0.fault.subscribe();
        // The sender is this store's own, so it does not go away.
        let _ = fault.wait_for(|fault| *fault != StoreFault::Hanging).await;
        let cut_off = *fault.borrow() == StoreFault::Unavailable;
        if cut_off { Err(StoreError::Unavailable("cut off by the trial".into())) } else { Ok(()) }
    }

    /// Lets a call through, and its answer back.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.pass().await?;
        let answer = call.await;
        self.pass().await?;
        answer
    }
}

/// The methods that a node of the trials calls.
impl DelegateKeyStore for FaultyStore {
    type Inner = DynStore;

    fn inner(&self) -> &DynStore {
        &self.0.store
    }

    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.call(self.0.store.insert(key, limit, by)).await
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.call(self.0.store.find(hashes)).await
    }

    async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.call(self.0.store.revoke(organization, key, reason, by)).await
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        self.call(self.0.store.record_usage(batch)).await
    }

    async fn position(&self) -> Result<FeedCursor, StoreError> {
        self.call(self.0.store.position()).await
    }

    async fn changes(&self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        self.call(self.0.store.changes(after, limit)).await
    }

    async fn wait(&self, after: FeedPosition) {
        let mut fault = self.0.fault.subscribe();
        let hint = async {
            self.0.store.wait(after).await;
            let _ = fault.wait_for(|fault| *fault == StoreFault::None).await;
        };
        hint.await;
    }

    async fn report_node(&self, report: NodeReport) -> Result<(), StoreError> {
        self.call(self.0.store.report_node(report)).await
    }
}
