use keyfob_memory::MemoryStore;
use keyfob_store::{
    DelegateKeyStore, Environment, FeedPosition, FoundKey, FoundKeys, FoundState, KeyHash, KeyId,
    OrganizationId, ScopeNames, StoreError, UsageBatch,
};

/// A store in which every key is good: it takes no memory, so that a cache's own can be measured.
#[derive(Clone, Debug, Default)]
pub struct EveryKey(MemoryStore);

impl DelegateKeyStore for EveryKey {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }

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
        let keys = hashes.iter().map(|hash| Ok(Some(key(hash)))).collect();
        Ok(FoundKeys { position: FeedPosition::START, keys })
    }

    async fn record_usage(&self, _: &UsageBatch) -> Result<(), StoreError> {
        Ok(())
    }
}
