use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use keyfob::{DelegateKeyStore, FoundKey, FoundKeys, KeyHash, KeyStore, StoreError};
use keyfob_memory::MemoryStore;
use tokio::sync::Semaphore;

/// A memory store whose lookups are counted, and answer as they are told.
#[derive(Clone)]
pub(crate) struct ToldStore(Arc<Inner>);

struct Inner {
    store: MemoryStore,
    finds: AtomicUsize,
    told: Mutex<Told>,
    answers: Semaphore,
}

#[derive(Clone, Copy)]
enum Told {
    Truth,
    Outage,
    Wait,
    Change(fn(&mut FoundKey)),
}

impl ToldStore {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            store: MemoryStore::new(),
            finds: AtomicUsize::new(0),
            told: Mutex::new(Told::Truth),
            answers: Semaphore::new(0),
        }))
    }

    /// How many lookups there were.
    pub(crate) fn finds(&self) -> usize {
        self.0.finds.load(Ordering::SeqCst)
    }

    /// Lookups fail from now on.
    pub(crate) fn break_down(&self) {
        self.tell(Told::Outage);
    }

    /// Lookups wait for [`answer_one`](Self::answer_one) from now on.
    pub(crate) fn hold_answers(&self) {
        self.tell(Told::Wait);
    }

    pub(crate) fn answer_one(&self) {
        self.0.answers.add_permits(1);
    }

    /// Keys are found as this leaves them from now on.
    pub(crate) fn change_found(&self, change: fn(&mut FoundKey)) {
        self.tell(Told::Change(change));
    }

    fn tell(&self, told: Told) {
        *self.0.told.lock().unwrap() = told;
    }
}

impl DelegateKeyStore for ToldStore {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0.store
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.0.finds.fetch_add(1, Ordering::SeqCst);
        let mut found = self.0.store.find(hashes).await?;
        let told = *self.0.told.lock().unwrap();
        match told {
            Told::Truth => {}
            Told::Outage => return Err(StoreError::Unavailable("it was told to fail".into())),
            Told::Wait => self.0.answers.acquire().await.unwrap().forget(),
            Told::Change(change) => found.keys.iter_mut().flatten().flatten().for_each(change),
        }
        Ok(found)
    }
}
