use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use keyfob::{
    Changes, DamagedRecord, DelegateKeyStore, DynStore, FeedCursor, FeedPosition, FoundKeys,
    KeyHash, KeyStore, NodeId, NodeReport, StoreError, UsageBatch,
};
use keyfob_memory::MemoryStore;
use tokio::sync::{Notify, Semaphore, watch};

/// A store, in memory unless it is given one, whose lookups are counted, and which can be made to misbehave.
#[derive(Clone)]
pub(crate) struct FaultyStore(Arc<Faults>);

struct Faults {
    store: DynStore,
    finds: AtomicUsize,
    hashes: AtomicUsize,
    lookups_fail: AtomicBool,
    lookups_hang: AtomicBool,
    damaged: Mutex<HashSet<KeyHash>>,
    feed_fails: AtomicBool,
    follower_hangs: AtomicBool,
    follower_calls: AtomicUsize,
    feed_is_lost: AtomicBool,
    feed_stays_lost: AtomicBool,
    hints: AtomicBool,
    usage_fails: AtomicBool,
    usage_answers_get_lost: AtomicBool,
    reports: AtomicUsize,
    reports_fail: AtomicBool,
    lists_fail: AtomicBool,
    forgetting_fails: AtomicBool,
    /// A lookup has read, and is about to answer.
    read: Semaphore,
    answers_are_held: watch::Sender<bool>,
    feed_is_held: watch::Sender<bool>,
    hint: Notify,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self::over(DynStore::new(MemoryStore::new()))
    }

    /// Another way to the same keys, with faults of its own.
    pub(crate) fn beside(&self) -> Self {
        Self::over(self.0.store.clone())
    }

    pub(crate) fn over(store: DynStore) -> Self {
        Self(Arc::new(Faults {
            store,
            finds: AtomicUsize::new(0),
            hashes: AtomicUsize::new(0),
            lookups_fail: AtomicBool::new(false),
            lookups_hang: AtomicBool::new(false),
            damaged: Mutex::default(),
            feed_fails: AtomicBool::new(false),
            follower_hangs: AtomicBool::new(false),
            follower_calls: AtomicUsize::new(0),
            feed_is_lost: AtomicBool::new(false),
            feed_stays_lost: AtomicBool::new(false),
            hints: AtomicBool::new(true),
            usage_fails: AtomicBool::new(false),
            usage_answers_get_lost: AtomicBool::new(false),
            reports: AtomicUsize::new(0),
            reports_fail: AtomicBool::new(false),
            lists_fail: AtomicBool::new(false),
            forgetting_fails: AtomicBool::new(false),
            read: Semaphore::new(0),
            answers_are_held: watch::Sender::new(false),
            feed_is_held: watch::Sender::new(false),
            hint: Notify::new(),
        }))
    }

    /// How many lookups there were.
    pub(crate) fn finds(&self) -> usize {
        self.0.finds.load(Ordering::SeqCst)
    }

    /// How many hashes were asked for.
    pub(crate) fn hashes(&self) -> usize {
        self.0.hashes.load(Ordering::SeqCst)
    }

    pub(crate) fn fail_lookups(&self, fail: bool) {
        self.0.lookups_fail.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn hang_lookups(&self, hang: bool) {
        self.0.lookups_hang.store(hang, Ordering::SeqCst);
    }

    /// The key of this hash can't be read any more.
    pub(crate) fn damage(&self, hash: KeyHash) {
        self.0.damaged.lock().unwrap().insert(hash);
    }

    /// Every key can be read again.
    pub(crate) fn repair(&self) {
        self.0.damaged.lock().unwrap().clear();
    }

    pub(crate) fn fail_feed(&self, fail: bool) {
        self.0.feed_fails.store(fail, Ordering::SeqCst);
    }

    /// Reads of the feed and reports that begin from now on never end, as on a connection that is dead.
    pub(crate) fn hang_follower(&self, hang: bool) {
        self.0.follower_hangs.store(hang, Ordering::SeqCst);
    }

    /// How many reads of the feed and reports began.
    pub(crate) fn follower_calls(&self) -> usize {
        self.0.follower_calls.load(Ordering::SeqCst)
    }

    /// The next read of the feed does not know its position.
    pub(crate) fn lose_feed(&self) {
        self.0.feed_is_lost.store(true, Ordering::SeqCst);
    }

    /// No read of the feed knows its position any more.
    pub(crate) fn lose_feed_for_good(&self) {
        self.0.feed_stays_lost.store(true, Ordering::SeqCst);
    }

    pub(crate) fn fail_usage(&self, fail: bool) {
        self.0.usage_fails.store(fail, Ordering::SeqCst);
    }

    /// Usage is recorded, and the answer is an error all the same.
    pub(crate) fn lose_answers_of_usage(&self, lose: bool) {
        self.0.usage_answers_get_lost.store(lose, Ordering::SeqCst);
    }

    /// How many reports of nodes were taken.
    pub(crate) fn reports(&self) -> usize {
        self.0.reports.load(Ordering::SeqCst)
    }

    pub(crate) fn fail_reports(&self, fail: bool) {
        self.0.reports_fail.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn fail_lists(&self, fail: bool) {
        self.0.lists_fail.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn fail_to_forget(&self, fail: bool) {
        self.0.forgetting_fails.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn silence_hints(&self) {
        self.0.hints.store(false, Ordering::SeqCst);
    }

    /// From now on a lookup reads, and holds its answer back until it is released.
    pub(crate) fn hold_answers(&self) {
        self.0.answers_are_held.send_replace(true);
    }

    pub(crate) async fn lookup_has_read(&self) {
        self.0.read.acquire().await.unwrap().forget();
    }

    pub(crate) fn release_answers(&self) {
        self.0.answers_are_held.send_replace(false);
    }

    /// Reads of the feed that begin from now on wait until it is no longer held.
    pub(crate) fn hold_feed(&self, hold: bool) {
        self.0.feed_is_held.send_replace(hold);
    }

    /// Has whoever follows the feed read it.
    pub(crate) fn hint(&self) {
        self.0.hint.notify_one();
    }

    /// How many hold the store, the follower of a service among them.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl Faults {
    async fn follower_call(&self) {
        self.follower_calls.fetch_add(1, Ordering::SeqCst);
        if self.follower_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

async fn until_released(held: &watch::Sender<bool>) {
    held.subscribe().wait_for(|held| !held).await.unwrap();
}

fn outage<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("it was told to fail".into()))
}

impl DelegateKeyStore for FaultyStore {
    type Inner = DynStore;

    fn inner(&self) -> &DynStore {
        &self.0.store
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        self.0.finds.fetch_add(1, Ordering::SeqCst);
        self.0.hashes.fetch_add(hashes.len(), Ordering::SeqCst);
        if self.0.lookups_fail.load(Ordering::SeqCst) {
            return outage();
        }
        if self.0.lookups_hang.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let mut found = self.0.store.find(hashes).await;
        for (hash, key) in hashes.iter().zip(found.iter_mut().flat_map(|found| &mut found.keys)) {
            if self.0.damaged.lock().unwrap().contains(hash) {
                *key = Err(DamagedRecord::of(StoreError::corrupt("keys.scopes")).unwrap());
            }
        }
        if *self.0.answers_are_held.borrow() {
            self.0.read.add_permits(1);
            until_released(&self.0.answers_are_held).await;
        }
        found
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        if self.0.usage_fails.load(Ordering::SeqCst) {
            return outage();
        }
        self.0.store.record_usage(batch).await?;
        if self.0.usage_answers_get_lost.load(Ordering::SeqCst) { outage() } else { Ok(()) }
    }

    async fn changes(&self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        self.0.follower_call().await;
        if self.0.feed_fails.load(Ordering::SeqCst) {
            return outage();
        }
        let stays_lost = self.0.feed_stays_lost.load(Ordering::SeqCst);
        if self.0.feed_is_lost.swap(false, Ordering::SeqCst) || stays_lost {
            return Err(StoreError::FeedLost);
        }
        until_released(&self.0.feed_is_held).await;
        self.0.store.changes(after, limit).await
    }

    async fn wait(&self, after: FeedPosition) {
        let stores_own = async {
            if self.0.hints.load(Ordering::SeqCst) {
                self.0.store.wait(after).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = stores_own => {}
            () = self.0.hint.notified() => {}
        }
    }

    async fn report_node(&self, report: NodeReport) -> Result<(), StoreError> {
        self.0.follower_call().await;
        if self.0.reports_fail.load(Ordering::SeqCst) {
            return outage();
        }
        self.0.reports.fetch_add(1, Ordering::SeqCst);
        self.0.store.report_node(report).await
    }

    async fn nodes(&self) -> Result<Vec<NodeReport>, StoreError> {
        if self.0.lists_fail.load(Ordering::SeqCst) {
            return outage();
        }
        self.0.store.nodes().await
    }

    async fn forget_node(&self, node: NodeId) -> Result<(), StoreError> {
        if self.0.forgetting_fails.load(Ordering::SeqCst) {
            return outage();
        }
        self.0.store.forget_node(node).await
    }
}
