use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use keyfob_memory::MemoryStore;
use keyfob_store::{
    FeedCursor, FeedPosition, Hour, IdempotencyToken, KeyHash, KeyId, KeyRecord, KeyState,
    NodeReport, OrganizationId, StoreError, Timestamp, UsageRow,
};

use crate::fault::Fault;

/// An honest store behind a wrapper that breaks one rule.
#[derive(Clone)]
pub(crate) struct FaultyStore {
    pub(crate) honest: MemoryStore,
    pub(crate) fault: Fault,
    /// Which of the handles this is.
    pub(crate) handle: usize,
    notes: Arc<Mutex<Notes>>,
}

/// What some faults have to remember.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) handles: usize,
    /// Every key that was stored, in that order.
    pub(crate) stored: Vec<KeyRecord>,
    /// States that are told instead of the true ones.
    pub(crate) retold: HashMap<KeyId, KeyState>,
    pub(crate) tokens: HashMap<IdempotencyToken, KeyRecord>,
    pub(crate) used_tokens: HashSet<IdempotencyToken>,
    /// What is committed and can't be seen yet.
    pub(crate) hidden: HashSet<FeedPosition>,
    /// Writes that are under way, or slots that are counted twice.
    pub(crate) pending: u64,
    /// How many keys were listed before a cursor.
    pub(crate) offsets: HashMap<KeyId, usize>,
    /// When secrets are told to retire, instead of the true time.
    pub(crate) moved: HashMap<KeyHash, Timestamp>,
    /// Keys that can't be read.
    pub(crate) damaged: HashSet<KeyId>,
    /// Secrets that are not found.
    pub(crate) lost: HashSet<KeyHash>,
    /// Keys that a deletion missed.
    pub(crate) spared: HashSet<KeyId>,
    /// Changes that the feed never tells.
    pub(crate) untold: HashSet<FeedPosition>,
    /// Every cursor that was given out.
    pub(crate) cursors: BTreeMap<FeedPosition, FeedCursor>,
    /// What deleted organizations had.
    pub(crate) old_usage: Vec<UsageRow>,
    /// The batches of usage that were sent, and when they were gathered.
    pub(crate) batches: HashMap<[u8; 16], Timestamp>,
    /// The count that was sent last for each hour of a key.
    pub(crate) last_counts: HashMap<(KeyId, Hour), u64>,
    pub(crate) last_uses: HashMap<KeyId, Timestamp>,
    /// How many batches were given another id.
    pub(crate) used_batches: u64,
    /// What the nodes said last, in the order in which they first did.
    pub(crate) reports: Vec<NodeReport>,
}

impl FaultyStore {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { honest: MemoryStore::new(), fault, handle: 0, notes: Arc::default() }
    }

    pub(crate) fn another_handle(&self) -> Self {
        let mut handle = self.clone();
        let mut notes = self.notes();
        notes.handles += 1;
        handle.handle = notes.handles;
        if self.fault == Fault::DataDiesWithTheHandle {
            handle.honest = MemoryStore::new();
        }
        handle
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// Commits a write, and hides it for a while.
    pub(crate) async fn hide_for_a_while<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
        position: impl FnOnce(&T) -> Option<FeedPosition>,
    ) -> Result<T, StoreError> {
        let (written, position) = {
            let mut notes = self.notes();
            let written = now(write)?;
            let position = position(&written);
            notes.hidden.extend(position);
            (written, position)
        };
        // Long enough that a reader comes by, on a machine with one core too.
        for _ in 0..16 {
            dawdle().await;
        }
        if let Some(position) = position {
            self.notes().hidden.remove(&position);
        }
        Ok(written)
    }

    /// The owner that the store takes a key to have.
    pub(crate) fn owner_of(&self, key: KeyId) -> Option<OrganizationId> {
        let notes = self.notes();
        notes.stored.iter().find(|stored| stored.id == key).map(|key| key.organization.clone())
    }

    /// The organization, as the store reads it.
    pub(crate) fn read_as(&self, organization: &OrganizationId) -> OrganizationId {
        match self.fault {
            Fault::OrganizationsIgnoreCase => organization.as_str().to_lowercase().parse().unwrap(),
            _ => organization.clone(),
        }
    }

    pub(crate) fn retell(&self, mut key: KeyRecord) -> KeyRecord {
        if let Some(state) = self.notes().retold.get(&key.id) {
            key.state = state.clone();
        }
        if let Some(last) = self.notes().last_uses.get(&key.id) {
            key.secrets[0].last_used_at = Some(*last);
        }
        if self.fault == Fault::LastUseIsOfTheKey {
            let last = key.secrets.iter().filter_map(|secret| secret.last_used_at).max();
            key.secrets.iter_mut().for_each(|secret| secret.last_used_at = last);
        }
        for secret in &mut key.secrets {
            let told = self.notes().moved.get(&secret.hash).copied();
            secret.retires_at = told.or(secret.retires_at);
        }
        key
    }
}

/// The result of a future that never waits, as those of the honest store.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the honest store never waits"),
    }
}

/// Lets others go first.
pub(crate) async fn dawdle() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}
