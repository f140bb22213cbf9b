use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use keyfob_store::{
    Attribution, Changes, Committed, Event, EventQuery, FeedCursor, FeedPosition, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyHash, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore,
    NewEvent, NewKey, NodeId, NodeReport, OrganizationId, Page, Reason, Rotation, StoreError,
    Switch, Timestamp, UsageBatch, UsageQuery, UsageRow,
};

use crate::reads::Reads;
use crate::request::{self, Answered, Bulk, Write};
use crate::sqlite_error::Refused;
use crate::threads::Threads;
use crate::writes::Writes;
use crate::{OpenError, SqliteOptions};

/// Keys in one SQLite file. A clone is another handle on the same threads and connections.
///
/// SQLite runs on threads of the store's own, which a method only sends to and hears from, so it
/// never blocks the executor it runs on, and that may be any. When the last clone is dropped, the
/// threads finish what they are at and close the file; [`close`](Self::close) also waits for that.
///
/// # Cancel safety
/// A read that is dropped is not done. A write that is dropped may be done, wholly, or not at all.
#[derive(Clone)]
pub struct SqliteStore(Arc<Threads>);

impl SqliteStore {
    /// Opens the file with the defaults of [`SqliteOptions::new`], and creates it if it is missing.
    ///
    /// # Errors
    /// [`OpenError`]; the file is as it was before.
    ///
    /// # Cancel safety
    /// A future that is dropped may have created and migrated the file, and leaves it closed.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(SqliteOptions::new(path)).await
    }

    /// Opens the file as the options say, on a thread of its own.
    ///
    /// # Errors
    /// [`OpenError`]; the file is as it was before.
    ///
    /// # Cancel safety
    /// A future that is dropped may have created and migrated the file, and leaves it closed.
    pub async fn open_with(options: SqliteOptions) -> Result<Self, OpenError> {
        Threads::start_in_background(options).await.map(Self::new)
    }

    /// [`open_with`](Self::open_with) for code that is not async: blocks until the file is open.
    ///
    /// # Errors
    /// [`OpenError`]; the file is as it was before.
    pub fn open_blocking(options: &SqliteOptions) -> Result<Self, OpenError> {
        Threads::start(options).map(Self::new)
    }

    /// Takes no more requests, from whichever clone; finishes those that were sent; and returns
    /// when the file is closed.
    pub async fn close(&self) {
        self.0.close();
        self.0.ended().await;
    }

    fn new(threads: Threads) -> Self {
        Self(Arc::new(threads))
    }

    /// Reads on the threads of lookups and the feed: for short reads only.
    async fn look_up<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reads<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (request, answered) = request::read(work);
        self.0.lookups().push(request).map_err(|_| Refused::Closed)?;
        answer(answered).await
    }

    /// Reads on the threads of lists: for everything that a caller may make long or frequent.
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reads<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (request, answered) = request::read(work);
        self.0.lists().push(request).map_err(|_| Refused::Closed)?;
        answer(answered).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writes<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.send(request::write(work, Bulk::No)).await
    }

    /// The same for what may write any number of rows.
    async fn write_much<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writes<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.send(request::write(work, Bulk::Yes)).await
    }

    async fn send<T>(&self, (request, answered): (Write, Answered<T>)) -> Result<T, StoreError> {
        self.0.writes().push(request).map_err(|_| Refused::Closed)?;
        answer(answered).await
    }
}

async fn answer<T>(answered: Answered<T>) -> Result<T, StoreError> {
    answered.await.unwrap_or_else(|_| Err(Refused::ThreadEnded.into()))
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl KeyStore for SqliteStore {
    async fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        self.write(move |writes| writes.insert(key, limit, &by)).await
    }

    async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        let hashes = hashes.to_vec();
        self.look_up(move |reads| reads.find(&hashes)).await
    }

    async fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        let organization = organization.clone();
        self.read(move |reads| reads.get(&organization, key)).await
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        let organization = organization.clone();
        self.read(move |reads| reads.list(&organization, &query, at)).await
    }

    async fn keys_in_use(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let organization = organization.clone();
        self.read(move |reads| reads.keys_in_use(&organization, at)).await
    }

    async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let organization = organization.clone();
        self.write(move |writes| writes.revoke(&organization, key, reason, &by)).await
    }

    async fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        // Which key it was that failed. The error itself takes the way of all errors of a write, which
        // is what undoes the keys before it.
        let failed = Arc::new(AtomicUsize::new(0));
        let culprit = failed.clone();
        self.write_much(move |writes| {
            writes.import(keys, limit, &by).map_err(|ImportError { index, error }| {
                culprit.store(index, Ordering::Relaxed);
                error
            })
        })
        .await
        .map_err(|error| ImportError { index: failed.load(Ordering::Relaxed), error })
    }

    async fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        let organization = organization.clone();
        self.write(move |writes| writes.rotate(&organization, key, &rotation, &by)).await
    }

    async fn retire_old_secret(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let organization = organization.clone();
        self.write(move |writes| writes.retire_old_secret(&organization, key, &by)).await
    }

    async fn switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let organization = organization.clone();
        self.write(move |writes| writes.switch(&organization, key, to, &by)).await
    }

    async fn edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let organization = organization.clone();
        self.write(move |writes| writes.edit(&organization, key, edit, limit, &by)).await
    }

    async fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Result<Committed<()>, StoreError> {
        let organization = organization.clone();
        self.write(move |writes| writes.delete_organization(&organization, &by)).await
    }

    async fn record_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        let (batch, now) = (batch.clone(), SystemTime::now().into());
        self.write_much(move |writes| writes.record_usage(&batch, now)).await
    }

    async fn usage(
        &self,
        organization: &OrganizationId,
        query: UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let organization = organization.clone();
        self.read(move |reads| reads.usage(&organization, &query)).await
    }

    async fn prune_usage(&self, before: Hour) -> Result<u64, StoreError> {
        self.write_much(move |writes| writes.prune_usage(before)).await
    }

    async fn append_event(&self, event: NewEvent, by: Attribution) -> Result<Event, StoreError> {
        self.write(move |writes| writes.append_event(event, by)).await
    }

    async fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        let organization = organization.clone();
        self.read(move |reads| reads.events(&organization, &query)).await
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "its lifetime is too narrow")]
    async fn position(&self) -> Result<FeedCursor, StoreError> {
        self.look_up(|reads| reads.end_cursor()).await
    }

    async fn changes(&self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        self.look_up(move |reads| reads.changes(after, limit)).await
    }

    /// Returns at once after a commit of this store, and within about 25 milliseconds after one of
    /// another store or process on the same file. It costs something only while someone waits.
    async fn wait(&self, after: FeedPosition) {
        self.0.watcher().wait(after).await;
    }

    async fn report_node(&self, report: NodeReport) -> Result<(), StoreError> {
        self.write(move |writes| writes.report_node(&report)).await
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "its lifetime is too narrow")]
    async fn nodes(&self) -> Result<Vec<NodeReport>, StoreError> {
        self.look_up(|reads| reads.nodes()).await
    }

    async fn forget_node(&self, node: NodeId) -> Result<(), StoreError> {
        self.write(move |writes| writes.forget_node(node)).await
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::mpsc::{self, Receiver};
    use std::time::Duration;

    use super::*;

    /// Long enough for any machine: only a failure waits for it.
    const GUARD: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn lookups_and_feed_do_not_wait_for_lists() {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(directory.path().join("app.db"))
            .with_readers(NonZeroUsize::MIN)
            .with_list_readers(NonZeroUsize::MIN);
        let store = SqliteStore::open_with(options).await.unwrap();
        // As many as there are readers of both kinds. They are sent first.
        let (release_first, first) = mpsc::channel();
        let (release_second, second) = mpsc::channel();
        let short_reads = async {
            let reads = async {
                store.find(&[KeyHash::from_bytes([1; 32])]).await.unwrap();
                store.position().await.unwrap();
                store.changes(FeedCursor::START, 10).await.unwrap();
                store.nodes().await.unwrap();
            };
            let answered = tokio::time::timeout(GUARD, reads).await;
            drop((release_first, release_second));
            answered
        };
        let (first, second, answered) = tokio::join!(
            biased;
            store.read(hang(first)),
            store.read(hang(second)),
            short_reads,
        );
        assert!(answered.is_ok(), "lookups waited for lists");
        first.unwrap();
        second.unwrap();
    }

    /// A read that ends when the sender is dropped.
    fn hang(released: Receiver<()>) -> impl FnOnce(&mut Reads<'_>) -> Result<(), StoreError> {
        move |_| {
            let _ = released.recv();
            Ok(())
        }
    }
}
