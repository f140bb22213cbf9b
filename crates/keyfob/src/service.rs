use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyfob_core::{ApiKey, KeyFormat, Scope};
use keyfob_store::{
    Attribution, Author, Change, Changed, Committed, Event, EventQuery, FeedPosition,
    IdempotencyToken, Issued, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore, NewEvent, NewKey,
    OrganizationId, Page, Reason, StoreError, Timestamp,
};

use crate::core::Core;
use crate::follower::Follower;
use crate::reporter::Reporter;
use crate::usage_recorder::UsageRecorder;
use crate::{
    CreateError, CreateKey, IssuedKey, IssuedOnce, KeyChange, KeyServiceBuilder, Principal,
    Requirement, VerifyError, report,
};

/// Issues, verifies, lists and revokes the keys of a service.
///
/// `S` are the embedder's scopes, `St` is the store. It is a cheap clone: all clones are one
/// service, which ends with the last of them.
pub struct KeyService<S, St> {
    pub(crate) core: Arc<Core<S, St>>,
    pub(crate) follower: Arc<Follower>,
    usage: Arc<UsageRecorder>,
    reporter: Option<Arc<Reporter>>,
}

impl<S: Scope, St: KeyStore> KeyService<S, St> {
    /// A service for keys of this format in this store.
    pub fn builder(format: KeyFormat, store: St) -> KeyServiceBuilder<S, St> {
        KeyServiceBuilder::new(format, store)
    }

    pub(crate) fn start(core: Core<S, St>, poll: Duration, usage_interval: Duration) -> Self {
        let core = Arc::new(core);
        let follower = Arc::new(Follower::start(&core, poll));
        let usage = Arc::new(UsageRecorder::start(&core, usage_interval));
        let reporter = core.registration.node().map(|node| {
            let progress = follower.progress().clone();
            Arc::new(Reporter::start(&core, progress, node.id, node.interval))
        });
        Self { core, follower, usage, reporter }
    }

    /// Tells whose key this is, if it is good here and now.
    ///
    /// It takes the text exactly as it was presented, as `&str` or bytes.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] when the key is not accepted, and [`VerifyError::Unavailable`] when
    /// nobody can tell. They are never mixed up.
    ///
    /// # Cancel safety
    /// A dropped future costs nobody else anything.
    pub async fn verify<K>(&self, key: &K) -> Result<Principal<S>, VerifyError>
    where
        K: AsRef<[u8]> + ?Sized,
    {
        match self.authorize_at_once(key, Requirement::ANY_KEY) {
            Some(verified) => verified,
            None => self.look_up(key.as_ref(), Requirement::ANY_KEY).await,
        }
    }

    /// Tells whose key this is, if it is good here and now, and for this.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify), and [`Refusal::MissingScope`](crate::Refusal::MissingScope).
    ///
    /// # Cancel safety
    /// A dropped future costs nobody else anything.
    pub async fn authorize<K>(
        &self,
        key: &K,
        requirement: impl Into<Requirement<S>>,
    ) -> Result<Principal<S>, VerifyError>
    where
        K: AsRef<[u8]> + ?Sized,
    {
        let requirement = requirement.into();
        match self.authorize_at_once(key, requirement) {
            Some(verified) => verified,
            None => self.look_up(key.as_ref(), requirement).await,
        }
    }

    /// What [`authorize`](Self::authorize) would answer, if it need not wait for that: of a key that
    /// this process remembers, and of a text that can't be one. `None` says that the store has to be
    /// asked, which `authorize` does.
    ///
    /// It is for middleware, whose future can't borrow the key from the request that it holds.
    pub fn authorize_at_once<K>(
        &self,
        key: &K,
        requirement: impl Into<Requirement<S>>,
    ) -> Option<Result<Principal<S>, VerifyError>>
    where
        K: AsRef<[u8]> + ?Sized,
    {
        let verified = self.core.authorize_at_once(key.as_ref(), &requirement.into())?;
        report::verification(&verified);
        Some(verified)
    }

    /// Makes a key, if the organization may hold one more. Its plaintext is in the answer and
    /// nowhere else.
    ///
    /// # Errors
    /// [`CreateError`]; then no key was made, unless the store was unavailable, when it is unknown.
    pub async fn create(
        &self,
        request: CreateKey<S>,
        limit: KeyLimit,
        by: impl Into<Author> + Send,
    ) -> Result<IssuedKey, CreateError> {
        match self.insert(request, None, limit, by.into()).await? {
            IssuedOnce::New(created) => Ok(created),
            IssuedOnce::Replayed(_) => Err(StoreError::corrupt("a replay without a token").into()),
        }
    }

    /// Makes a key once, however often the request is sent with this token within 24 hours.
    ///
    /// # Errors
    /// As [`create`](Self::create), and
    /// [`IdempotencyMismatch`](keyfob_store::Conflict::IdempotencyMismatch) when the token came with
    /// another request before.
    pub async fn create_once(
        &self,
        token: IdempotencyToken,
        request: CreateKey<S>,
        limit: KeyLimit,
        by: impl Into<Author> + Send,
    ) -> Result<IssuedOnce, CreateError> {
        self.insert(request, Some(token), limit, by.into()).await
    }

    /// Returns the key that an earlier request with this token and these fields created, or `None`.
    /// It creates nothing, so it serves callers that may not create the key any more.
    ///
    /// # Errors
    /// [`IdempotencyMismatch`](keyfob_store::Conflict::IdempotencyMismatch) if the token came with
    /// another request before, and the failures of the store.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn replayed(
        &self,
        token: IdempotencyToken,
        request: CreateKey<S>,
        by: impl Into<Author> + Send,
    ) -> Result<Option<KeyRecord>, CreateError> {
        let by = self.attribute(by.into());
        let api_key = self.core.format.generate(request.environment)?;
        let key = request.into_new_key(&api_key, Some(token), by.at)?;
        Ok(self.recall(key, by).await?)
    }

    /// Reads one key of an organization.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], for another organization's key too.
    pub async fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        self.core.store.get(organization, key).await
    }

    /// Lists an organization's keys, newest first.
    ///
    /// # Errors
    /// The failures of the store.
    pub async fn list(
        &self,
        organization: &OrganizationId,
        query: KeyQuery,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        self.core.store.list(organization, query, self.now()).await
    }

    /// How many keys count towards the organization's limit.
    ///
    /// # Errors
    /// The failures of the store.
    pub async fn keys_in_use(&self, organization: &OrganizationId) -> Result<u64, StoreError> {
        self.core.store.keys_in_use(organization, self.now()).await
    }

    /// Revokes a key for ever. When it returns, this process refuses the key; every other one does
    /// within the staleness bound, and as a rule at once. To be told when they do, ask for
    /// [`confirmed`](KeyChange::confirmed).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], for another organization's key too, and the failures of the store.
    pub fn revoke<'s>(
        &'s self,
        organization: &'s OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: impl Into<Author>,
    ) -> KeyChange<'s, S, St> {
        let by = by.into();
        KeyChange::new(self, "revoked", async move {
            self.core.store.revoke(organization, key, reason, self.attribute(by)).await
        })
    }

    /// Appends an event of the embedder's own to the log.
    ///
    /// # Errors
    /// The failures of the store.
    pub async fn append_event(
        &self,
        event: NewEvent,
        by: impl Into<Author> + Send,
    ) -> Result<Event, StoreError> {
        self.core.store.append_event(event, self.attribute(by.into())).await
    }

    /// Lists an organization's events, newest first: its own. Those of deleted organizations of the
    /// same id are there with [`EventQuery::with_deleted`], which is for operators only.
    ///
    /// # Errors
    /// The failures of the store.
    pub async fn events(
        &self,
        organization: &OrganizationId,
        query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        self.core.store.events(organization, query).await
    }

    /// Writes usage down now, rather than within the usage interval.
    ///
    /// # Errors
    /// The failures of the store; the usage is kept, and the call may be repeated.
    pub async fn flush_usage(&self) -> Result<(), StoreError> {
        self.usage.flush().await
    }

    /// The time of day by the service's clock: by it a [`status`](KeyRecord::status) is judged.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.clock.wall()
    }

    /// Does what is to be done before the process ends: takes this node off the store's list, and
    /// writes usage down. What is verified afterwards asks the store each time, and its usage may be
    /// lost with the process.
    ///
    /// # Errors
    /// The failures of the store, of which each leaves the rest done; the call may be repeated.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        self.core.registration.leave(|| self.core.cache.end_lease());
        let left = match &self.reporter {
            Some(reporter) => reporter.leave().await,
            None => Ok(()),
        };
        self.usage.flush().await.and(left)
    }

    /// The format of the keys.
    #[must_use]
    pub fn format(&self) -> &KeyFormat {
        &self.core.format
    }

    /// The store behind the service.
    #[must_use]
    pub fn store(&self) -> &St {
        &self.core.store
    }

    async fn look_up(
        &self,
        key: &[u8],
        requirement: Requirement<S>,
    ) -> Result<Principal<S>, VerifyError> {
        let verified = self.core.look_up(key, &requirement).await;
        report::verification(&verified);
        verified
    }

    async fn insert(
        &self,
        request: CreateKey<S>,
        token: Option<IdempotencyToken>,
        limit: KeyLimit,
        by: Author,
    ) -> Result<IssuedOnce, CreateError> {
        let by = self.attribute(by);
        let api_key = self.core.format.generate(request.environment)?;
        let key = request.into_new_key(&api_key, token, by.at)?;
        if key.expires_at.is_some_and(|at| at <= by.at) {
            // A request that is repeated after its key has expired is a replay all the same.
            let replayed = self.recall(key, by).await?;
            return replayed.map(IssuedOnce::Replayed).ok_or(CreateError::ExpiryNotInFuture);
        }
        let issued = self.core.store.insert(key, limit, by).await?;
        Ok(self.issued("created", issued, api_key))
    }

    /// Returns the key that the token of this request made. It asks for a key where none fits: a
    /// store looks at the token before it looks at the limit.
    async fn recall(&self, key: NewKey, by: Attribution) -> Result<Option<KeyRecord>, StoreError> {
        if key.idempotency.is_none() {
            return Ok(None);
        }
        match self.core.store.insert(key, KeyLimit::AtMost(0), by).await {
            Ok(Issued::Replayed(key)) => Ok(Some(key)),
            Ok(Issued::New(_)) => Err(StoreError::corrupt("a key beyond a limit of 0")),
            Err(StoreError::LimitReached { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a committed change count here before its author learns of it.
    pub(crate) fn settle(&self, what: &'static str, committed: Committed<KeyRecord>) -> KeyRecord {
        let Committed { value: record, position } = committed;
        let hashes = record.secrets.iter().map(|secret| secret.hash).collect();
        self.core.apply(&Change { position, changed: Changed::Key { key: record.id, hashes } });
        report::key_changed(what, &record);
        record
    }

    pub(crate) fn issued(&self, what: &'static str, issued: Issued, api_key: ApiKey) -> IssuedOnce {
        match issued {
            Issued::New(committed) => {
                IssuedOnce::New(IssuedKey { key: self.settle(what, committed), api_key })
            }
            Issued::Replayed(key) => IssuedOnce::Replayed(key),
        }
    }

    pub(crate) fn apply(&self, change: &Change) {
        self.core.apply(change);
    }

    pub(crate) fn attribute(&self, author: Author) -> Attribution {
        author.at(self.now())
    }
}

impl<S, St> Clone for KeyService<S, St> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            follower: Arc::clone(&self.follower),
            usage: Arc::clone(&self.usage),
            reporter: self.reporter.clone(),
        }
    }
}

impl<S, St> fmt::Debug for KeyService<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyService").field("format", &self.core.format).finish_non_exhaustive()
    }
}
