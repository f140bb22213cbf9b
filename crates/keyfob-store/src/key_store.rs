use std::future::Future;

use keyfob_core::KeyHash;

use crate::{
    Attribution, Changes, Committed, Event, EventQuery, FeedCursor, FeedPosition, FoundKeys, Hour,
    ImportError, Issued, KeyEdit, KeyId, KeyLimit, KeyQuery, KeyRecord, NewEvent, NewKey, NodeId,
    NodeReport, OrganizationId, Page, Reason, Rotation, StoreError, Switch, Timestamp, UsageBatch,
    UsageQuery, UsageRow,
};

/// Where keys are kept.
///
/// # Contract
/// Every implementation keeps all of these; `keyfob-conformance` tests each by its number.
///
/// 1. **Inserts are atomic and never overshoot.** The live keys of the organization (active or
///    disabled, not expired at the attribution's time) are counted and the key is written in one
///    transaction. At the limit the answer is [`LimitReached`](StoreError::LimitReached) and nothing
///    is written. However many callers in however many processes, no slot is given twice and none is
///    lost. A hash or an id that is stored already is a [`Conflict`](StoreError::Conflict), never an
///    overwrite. A token that made a key before is answered before the limit is looked at.
/// 2. **A lookup tells all and judges nothing.** [`find`](Self::find) answers for each hash with the
///    key it belongs to, whatever its state, or nothing. It writes nothing. A key whose stored data is
///    damaged is an error for its own hash. The others of the batch have their answers.
/// 3. **Organizations are apart.** Every other read or write of a key names its organization, and
///    another organization's key is [`NotFound`](StoreError::NotFound), as if it never was.
/// 4. **Revocation is final.** No method makes a revoked key live again. Revoking again succeeds,
///    changes nothing, and logs nothing: the first time, actor and reason stay.
/// 5. **Lists are stable.** Newest first; a page that follows another repeats and skips nothing that
///    was there when the first was read, while keys are added and revoked. A page may be short or
///    empty and still have a next one: a store may stop once it has examined
///    [`PageSize::MAX_EXAMINED_ROWS`](crate::PageSize::MAX_EXAMINED_ROWS) rows.
/// 6. **Every change is logged in its own transaction.** A change and its event commit together. The
///    log is append-only; where the database can hold that by itself, it does.
/// 7. **The feed skips nothing.** [`changes`](Self::changes) tells every committed change after a
///    position, however the transactions that made them interleaved. Once it has told that it reached
///    a position, nothing ever appears at or before it. A cursor belongs to the reader that holds it: a
///    store remembers none. When the event of a cursor is not in the log, or another one is there, the
///    history was rewritten, and every reader that comes with such a cursor gets
///    [`FeedLost`](StoreError::FeedLost), whatever other readers do.
/// 8. **A position is honest.** A [`find`](Self::find) at a position has seen every change up to it; a
///    [`Committed`] at a position is told by the feed no later than there.
/// 9. **An answer is durable.** What is answered with `Ok` survives the death of the process, where the
///    store is one that survives it at all. A future that is dropped before its answer may or may
///    not have written, and never half.
/// 10. **Errors are typed and clean.** Those of [`StoreError`], with the backend's error as source,
///     and no key material in any of them.
///
/// 11. **Rotation keeps the key.** It keeps id, name, scopes, usage and its one slot; at most two of
///     its secrets are live, and one that has retired is found as retired for ever. An expired key is
///     not rotated, and no overlap ends later than the key.
/// 12. **Usage is exact.** A batch counts once, however often it is sent within a day and whatever
///     the clocks of those who send batches say; counters stop at [`UsageRow::MOST`] and never wrap;
///     usage of a key that is unknown is dropped.
/// 13. **A deleted organization is gone.** One write refuses all its keys, and nothing made later
///     under the same id revives or shows anything of it. Its log stays, its deletion included, for
///     an [`EventQuery::with_deleted`] and for nothing else.
/// 14. **Nodes are listed as they report.** A report takes the place of the node's last one, but for
///     the cursor, which never goes back, in whatever order reports arrive. A report whose cursor is
///     not of this history is [`FeedLost`](StoreError::FeedLost) and changes nothing: the node has
///     applied changes that never were. Reports are no part of the log nor of the feed.
///
/// No method blocks the thread that polls it.
pub trait KeyStore: Send + Sync + 'static {
    /// Adds a key, if its organization may hold one more.
    ///
    /// # Errors
    /// [`LimitReached`](StoreError::LimitReached), [`Conflict`](StoreError::Conflict), and the failures
    /// of the store itself.
    fn insert(
        &self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> impl Future<Output = Result<Issued, StoreError>> + Send;

    /// Looks up hashes: one answer for each, in their order.
    ///
    /// # Errors
    /// The failures of the store itself; then there is no answer for any of them. A damaged key fails
    /// alone, within the answer.
    fn find(
        &self,
        hashes: &[KeyHash],
    ) -> impl Future<Output = Result<FoundKeys, StoreError>> + Send;

    /// Reads one key.
    ///
    /// # Errors
    /// [`NotFound`](StoreError::NotFound), and the failures of the store itself.
    fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> impl Future<Output = Result<KeyRecord, StoreError>> + Send;

    /// Lists an organization's keys, newest first. A status is judged at the time that is given.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
        at: Timestamp,
    ) -> impl Future<Output = Result<Page<KeyRecord, KeyId>, StoreError>> + Send;

    /// How many keys count towards the organization's limit at this time.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn keys_in_use(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Revokes a key for ever, in whatever state it is.
    ///
    /// # Errors
    /// [`NotFound`](StoreError::NotFound), and the failures of the store itself.
    fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> impl Future<Output = Result<Committed<KeyRecord>, StoreError>> + Send;

    /// Inserts keys of another system, all or none. Each counts towards the limit, as an
    /// [`insert`](Self::insert) would, and each is logged as imported. Idempotency tokens have no
    /// part in it.
    ///
    /// # Errors
    /// [`ImportError`] for the first key that can't be inserted; then none is.
    fn import(
        &self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: Attribution,
    ) -> impl Future<Output = Result<Committed<Vec<KeyRecord>>, ImportError>> + Send;

    /// Gives a key a new secret, and the old one an end: see [`KeyRecord::rotate`].
    ///
    /// # Errors
    /// [`NotFound`](StoreError::NotFound), [`Conflict`](StoreError::Conflict), and the failures of the
    /// store itself.
    fn rotate(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: Rotation,
        by: Attribution,
    ) -> impl Future<Output = Result<Issued, StoreError>> + Send;

    /// Ends the overlap of a rotation now: see [`KeyRecord::retire_old_secret`].
    ///
    /// # Errors
    /// [`NotFound`](StoreError::NotFound), [`Conflict`](StoreError::Conflict), and the failures of the
    /// store itself.
    fn retire_old_secret(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> impl Future<Output = Result<Committed<KeyRecord>, StoreError>> + Send;

    /// Switches a key on or off: see [`KeyRecord::switch`].
    ///
    /// # Errors
    /// [`NotFound`](StoreError::NotFound), [`Conflict`](StoreError::Conflict), and the failures of the
    /// store itself.
    fn switch(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> impl Future<Output = Result<Committed<KeyRecord>, StoreError>> + Send;

    /// Changes a key's name, scopes or expiry: see [`KeyRecord::edit`]. The limit counts when the
    /// edit makes an expired key live again, and only then.
    ///
    /// # Errors
    /// [`NotFound`](StoreError::NotFound), [`Conflict`](StoreError::Conflict),
    /// [`LimitReached`](StoreError::LimitReached), and the failures of the store itself.
    fn edit(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> impl Future<Output = Result<Committed<KeyRecord>, StoreError>> + Send;

    /// Deletes an organization: all its keys at once, by one write that does not grow with them.
    ///
    /// Its keys are no longer found, listed, counted or changed by any method but
    /// [`find`](Self::find), which answers [`OrganizationDeleted`](crate::FoundState), and its usage is
    /// no longer read. Its events, that of the deletion included, are read by an
    /// [`EventQuery::with_deleted`] only. An organization of the same id that comes later has nothing
    /// of it.
    ///
    /// # Errors
    /// The failures of the store itself. An organization that has nothing is deleted all the same.
    fn delete_organization(
        &self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> impl Future<Output = Result<Committed<()>, StoreError>> + Send;

    /// Adds counts of usage, and notes when each secret was last accepted. The whole batch is one
    /// transaction of a few statements, and counts once however often it is sent within a day: see
    /// [`UsageBatch::at`].
    ///
    /// # Errors
    /// The failures of the store itself; send the same batch again.
    fn record_usage(
        &self,
        batch: &UsageBatch,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads an organization's usage, in the order of hours, then keys, secrets and outcomes.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn usage(
        &self,
        organization: &OrganizationId,
        query: UsageQuery,
    ) -> impl Future<Output = Result<Vec<UsageRow>, StoreError>> + Send;

    /// Forgets the usage of every organization before this hour. Answers how many rows went: those
    /// of deleted organizations are among them where a store had kept them, unread, until now.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn prune_usage(&self, before: Hour) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Appends an event of the embedder's own to the log.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn append_event(
        &self,
        event: NewEvent,
        by: Attribution,
    ) -> impl Future<Output = Result<Event, StoreError>> + Send;

    /// Lists an organization's events, newest first: its own, from the last deletion of an
    /// organization of its id on, or with [`EventQuery::with_deleted`] all that were ever logged under
    /// it.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> impl Future<Output = Result<Page<Event, FeedPosition>, StoreError>> + Send;

    /// The end of the change feed: where a follower with nothing to forget starts.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn position(&self) -> impl Future<Output = Result<FeedCursor, StoreError>> + Send;

    /// Reads the change feed: at most `limit` changes after the cursor.
    ///
    /// # Errors
    /// [`FeedLost`](StoreError::FeedLost) when the cursor is not of this history, or when changes after
    /// it are no longer kept; and the failures of the store itself.
    fn changes(
        &self,
        after: FeedCursor,
        limit: usize,
    ) -> impl Future<Output = Result<Changes, StoreError>> + Send;

    /// Returns when there may be something after the position.
    ///
    /// It is a hint and nothing else: it may return early, late or never, and whoever waits polls
    /// as well. A store without a way to know may wait for ever.
    fn wait(&self, after: FeedPosition) -> impl Future<Output = ()> + Send;

    /// Records a node's status, replacing its previous report. Of the cursors that it ever reported,
    /// the last in the feed stays.
    ///
    /// # Errors
    /// [`FeedLost`](StoreError::FeedLost) when its cursor is not of this history, and the failures of
    /// the store itself.
    fn report_node(
        &self,
        report: NodeReport,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Every node that has reported and was not forgotten, in the order of their ids: by when they
    /// started. The store judges nothing: a node whose process was killed is listed as it last was.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn nodes(&self) -> impl Future<Output = Result<Vec<NodeReport>, StoreError>> + Send;

    /// Takes a node off the list. One that is not on it is forgotten all the same; one that reports
    /// again is listed again.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn forget_node(&self, node: NodeId) -> impl Future<Output = Result<(), StoreError>> + Send;
}
