use keyfob_store::{
    Attribution, Changes, Committed, Environment, Event, EventQuery, FeedPosition, FoundKey,
    FoundKeys, FoundState, Hour, ImportError, Issued, KeyEdit, KeyHash, KeyId, KeyLimit, KeyQuery,
    KeyRecord, KeyStore, NewEvent, NewKey, OrganizationId, Page, Reason, Rotation, ScopeNames,
    StoreError, Switch, Timestamp, UsageBatch, UsageQuery, UsageRow,
};

/// A store in which every key is good: it takes no memory, so that a cache's own can be measured.
#[derive(Clone, Copy, Debug)]
pub struct EveryKey;

impl KeyStore for EveryKey {
    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        let organization = "0190a6e4-5b2c-7d3e-8f40-112233445566";
        let organization = OrganizationId::new(organization).expect("a UUID is an id");
        let scopes = ScopeNames::parse("shield:read shield:write").expect("two names");
        let key = |hash: &KeyHash| FoundKey {
            id: KeyId::from_bytes(hash.as_bytes().first_chunk().copied().unwrap_or_default()),
            organization: organization.clone(),
            environment: Environment::Live,
            scopes: scopes.clone(),
            state: FoundState::Active,
            expires_at: None,
            secret: 1,
            retires_at: None,
        };
        let keys = hashes.iter().map(|hash| Some(key(hash))).collect();
        Ok(FoundKeys { position: FeedPosition::START, keys })
    }

    async fn position(&self) -> Result<FeedPosition, StoreError> {
        Ok(FeedPosition::START)
    }

    async fn changes(&self, after: FeedPosition, _limit: usize) -> Result<Changes, StoreError> {
        Ok(Changes { changes: Vec::new(), reached: after, complete: true })
    }

    async fn wait(&self, _after: FeedPosition) {
        std::future::pending::<()>().await;
    }

    async fn insert(&self, _: NewKey, _: KeyLimit, _: Attribution) -> Result<Issued, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn get(&self, _: &OrganizationId, _: KeyId) -> Result<KeyRecord, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn list(
        &self,
        _: &OrganizationId,
        _: KeyQuery,
        _: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn keys_in_use(&self, _: &OrganizationId, _: Timestamp) -> Result<u64, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn revoke(
        &self,
        _: &OrganizationId,
        _: KeyId,
        _: Option<Reason>,
        _: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn import(
        &self,
        _: Vec<NewKey>,
        _: KeyLimit,
        _: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        Err(ImportError { index: 0, error: StoreError::NotFound })
    }

    async fn rotate(
        &self,
        _: &OrganizationId,
        _: KeyId,
        _: Rotation,
        _: Attribution,
    ) -> Result<Issued, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn retire_old_secret(
        &self,
        _: &OrganizationId,
        _: KeyId,
        _: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn switch(
        &self,
        _: &OrganizationId,
        _: KeyId,
        _: Switch,
        _: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn edit(
        &self,
        _: &OrganizationId,
        _: KeyId,
        _: KeyEdit,
        _: KeyLimit,
        _: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn delete_organization(
        &self,
        _: &OrganizationId,
        _: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn record_usage(&self, _: &UsageBatch) -> Result<(), StoreError> {
        Ok(())
    }

    async fn usage(&self, _: &OrganizationId, _: UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn prune_usage(&self, _: Hour) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn append_event(&self, _: NewEvent, _: Attribution) -> Result<Event, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn events(
        &self,
        _: &OrganizationId,
        _: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        Err(StoreError::NotFound)
    }
}
