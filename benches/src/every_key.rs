use keyfob_store::{
    Attribution, Changes, Committed, Environment, Event, EventQuery, FeedPosition, FoundKey,
    FoundKeys, FoundState, Inserted, KeyHash, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore,
    NewEvent, NewKey, OrganizationId, Page, Reason, ScopeNames, StoreError, Timestamp,
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

    async fn insert(&self, _: NewKey, _: KeyLimit, _: Attribution) -> Result<Inserted, StoreError> {
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
