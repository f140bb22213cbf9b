//! Certifies the store against its contract.

use keyfob_conformance::{ModelRun, StoreFactory, run_all, run_model};
use keyfob_memory::MemoryStore;
use keyfob_store::{BackendError, KeyId};

struct InMemory;

impl StoreFactory for InMemory {
    type Store = MemoryStore;
    type Data = MemoryStore;

    async fn create(&self) -> Result<MemoryStore, BackendError> {
        Ok(MemoryStore::new())
    }

    async fn open(&self, data: &MemoryStore) -> Result<MemoryStore, BackendError> {
        Ok(data.clone())
    }

    /// Nothing but the store reaches its memory.
    async fn damage(&self, _data: &MemoryStore, _key: KeyId) -> Result<bool, BackendError> {
        Ok(false)
    }
}

#[test]
fn memory_store_keeps_the_contract() {
    run_all(InMemory).assert_passed();
}

#[test]
fn memory_store_never_differs_from_the_model() {
    run_model(InMemory, ModelRun { cases: 256, steps: 60, seed: 1 }).assert_passed();
}
