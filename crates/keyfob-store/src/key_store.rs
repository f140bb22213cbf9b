use std::future::Future;
use std::sync::Arc;

use keyfob_core::KeyHash;

use crate::{
    Attribution, Changes, Committed, Event, EventQuery, FeedPosition, FoundKeys, Inserted, KeyId,
    KeyLimit, KeyQuery, KeyRecord, NewEvent, NewKey, OrganizationId, Page, Reason, StoreError,
    Timestamp,
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
///    key it belongs to, whatever its state, or nothing. It writes nothing.
/// 3. **Organizations are apart.** Every other read or write of a key names its organization, and
///    another organization's key is [`NotFound`](StoreError::NotFound), as if it never was.
/// 4. **Revocation is final.** No method makes a revoked key live again. Revoking again succeeds,
///    changes nothing, and logs nothing: the first time, actor and reason stay.
/// 5. **Lists are stable.** Newest first; a page that follows another repeats and skips nothing that
///    was there when the first was read, while keys are added and revoked.
/// 6. **Every change is logged in its own transaction.** A change and its event commit together. The
///    log is append-only; where the database can hold that by itself, it does.
/// 7. **The feed skips nothing.** [`changes`](Self::changes) tells every committed change after a
///    position, however the transactions that made them interleaved. Once it has told that it reached
///    a position, nothing ever appears at or before it.
/// 8. **A position is honest.** A [`find`](Self::find) at a position has seen every change up to it; a
///    [`Committed`] at a position is told by the feed no later than there.
/// 9. **An answer is durable.** What is answered with `Ok` survives the death of the process, where the
///    store is one that survives it at all. A future that is dropped before its answer may or may
///    not have written, and never half.
/// 10. **Errors are typed and clean.** Those of [`StoreError`], with the backend's error as source,
///     and no key material in any of them.
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
    ) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// Looks up hashes: one answer for each, in their order.
    ///
    /// # Errors
    /// The failures of the store itself; then there is no answer for any of them.
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

    /// Appends an event of the embedder's own to the log.
    ///
    /// # Errors
    /// The failures of the store itself.
    fn append_event(
        &self,
        event: NewEvent,
        by: Attribution,
    ) -> impl Future<Output = Result<Event, StoreError>> + Send;

    /// Lists an organization's events, newest first.
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
    fn position(&self) -> impl Future<Output = Result<FeedPosition, StoreError>> + Send;

    /// Reads the change feed: at most `limit` changes after the position.
    ///
    /// # Errors
    /// [`FeedLost`](StoreError::FeedLost), and the failures of the store itself.
    fn changes(
        &self,
        after: FeedPosition,
        limit: usize,
    ) -> impl Future<Output = Result<Changes, StoreError>> + Send;

    /// Returns when there may be something after the position.
    ///
    /// It is a hint and nothing else: it may return early, late or never, and whoever waits polls
    /// as well. A store without a way to know may wait for ever.
    fn wait(&self, after: FeedPosition) -> impl Future<Output = ()> + Send;
}

/// Forwards every method, so that a shared store is a store.
macro_rules! forward {
    ($($Pointer:ident),+) => {$(
        #[deny(clippy::missing_trait_methods)]
        impl<T: KeyStore + ?Sized> KeyStore for $Pointer<T> {
            async fn insert(
                &self,
                key: NewKey,
                limit: KeyLimit,
                by: Attribution,
            ) -> Result<Inserted, StoreError> { T::insert(self, key, limit, by).await }

            async fn find(
                &self,
                hashes: &[KeyHash],
            ) -> Result<FoundKeys, StoreError> { T::find(self, hashes).await }

            async fn get(
                &self,
                organization: &OrganizationId,
                key: KeyId,
            ) -> Result<KeyRecord, StoreError> { T::get(self, organization, key).await }

            async fn list(
                &self,
                organization: &OrganizationId,
                query: KeyQuery, at: Timestamp
            ) -> Result<Page<KeyRecord, KeyId>, StoreError> { T::list(self, organization, query, at).await }

            async fn keys_in_use(
                &self,
                organization: &OrganizationId,
                at: Timestamp,
            ) -> Result<u64, StoreError> { T::keys_in_use(self, organization, at).await }

            async fn revoke(
                &self,
                organization: &OrganizationId,
                key: KeyId,
                reason: Option<Reason>,
                by: Attribution,
            ) -> Result<Committed<KeyRecord>, StoreError> { T::revoke(self, organization, key, reason, by).await }

            async fn append_event(
                &self,
                event: NewEvent,
                by: Attribution,
            ) -> Result<Event, StoreError> { T::append_event(self, event, by).await }

            async fn events(
                &self,
                organization: &OrganizationId,
                query: EventQuery,
            ) -> Result<Page<Event, FeedPosition>, StoreError> { T::events(self, organization, query).await }

            async fn position(&self) -> Result<FeedPosition, StoreError> { T::position(self).await }

            async fn changes(
                &self,
                after: FeedPosition,
                limit: usize,
            ) -> Result<Changes, StoreError> { T::changes(self, after, limit).await }

            async fn wait(&self, after: FeedPosition) { T::wait(self, after).await }
        }
    )+};
}

forward!(Arc, Box);
