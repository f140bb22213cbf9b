use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyfob_core::{ApiKey, EntropyError, KeyFormat, Scope};
use keyfob_store::{
    Attribution, Author, Change, Committed, Event, EventQuery, FeedPosition, Idempotency,
    IdempotencyToken, Inserted, KeyId, KeyLimit, KeyQuery, KeyRecord, KeyStore, NewEvent, NewKey,
    NewSecret, OrganizationId, Page, Reason, StoreError, Timestamp,
};

use crate::core::{Core, Known};
use crate::follower::Follower;
use crate::{
    CreateError, CreateKey, CreatedKey, CreatedOnce, Expiry, FeedStatus, KeyServiceBuilder,
    Principal, Requirement, VerifyError, report,
};

/// Issues, verifies, lists and revokes the keys of a service.
///
/// `S` are the embedder's scopes, `St` is the store. It is a cheap clone: all clones are one
/// service, which ends with the last of them.
pub struct KeyService<S, St> {
    core: Arc<Core<S, St>>,
    follower: Arc<Follower>,
}

/// How long an idempotency token is remembered.
const TOKENS_REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

impl<S: Scope, St: KeyStore> KeyService<S, St> {
    /// A service for keys of this format in this store.
    pub fn builder(format: KeyFormat, store: St) -> KeyServiceBuilder<S, St> {
        KeyServiceBuilder::new(format, store)
    }

    pub(crate) fn start(core: Core<S, St>, poll: Duration) -> Self {
        let core = Arc::new(core);
        let follower = Arc::new(Follower::start(&core, poll));
        Self { core, follower }
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
        self.authorize(key, Requirement::ANY_KEY).await
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
        let verified = match self.core.verify_now(key.as_ref()) {
            Known::Answer(answer) => answer.map_err(VerifyError::from),
            Known::Nothing(hash) => self.core.look_up(hash).await,
        };
        conclude(verified, &requirement.into())
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
        let Known::Answer(answer) = self.core.verify_now(key.as_ref()) else { return None };
        Some(conclude(answer.map_err(VerifyError::from), &requirement.into()))
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
    ) -> Result<CreatedKey, CreateError> {
        match self.insert(request, None, limit, by.into()).await? {
            CreatedOnce::New(created) => Ok(created),
            CreatedOnce::Replayed(_) => Err(StoreError::corrupt("a replay without a token").into()),
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
    ) -> Result<CreatedOnce, CreateError> {
        self.insert(request, Some(token), limit, by.into()).await
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
    /// within the staleness bound, and as a rule at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], for another organization's key too, and the failures of the store.
    pub async fn revoke(
        &self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: impl Into<Author> + Send,
    ) -> Result<KeyRecord, StoreError> {
        let by = self.attribute(by.into());
        let revoked = self.core.store.revoke(organization, key, reason, by).await?;
        let record = self.settle(revoked);
        report::key_revoked(&record);
        Ok(record)
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

    /// Lists an organization's events, newest first.
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

    /// The time of day by the service's clock: by it a [`status`](KeyRecord::status) is judged.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.clock.wall()
    }

    /// How far this node has followed the change feed, and whether its cache is in use.
    #[must_use]
    pub fn feed_status(&self) -> FeedStatus {
        self.follower.status(&self.core)
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

    async fn insert(
        &self,
        request: CreateKey<S>,
        token: Option<IdempotencyToken>,
        limit: KeyLimit,
        by: Author,
    ) -> Result<CreatedOnce, CreateError> {
        let by = self.attribute(by);
        let api_key = self.core.format.generate(request.environment)?;
        let key = new_key(&request, &api_key, token, by.at)?;
        Ok(match self.core.store.insert(key, limit, by).await? {
            Inserted::Created(committed) => {
                let key = self.settle(committed);
                report::key_created(&key);
                CreatedOnce::New(CreatedKey { key, api_key })
            }
            Inserted::Replayed(key) => CreatedOnce::Replayed(key),
        })
    }

    /// Makes a committed change count here before its author learns of it.
    fn settle(&self, committed: Committed<KeyRecord>) -> KeyRecord {
        let Committed { value: record, position } = committed;
        let hashes = record.secrets.iter().map(|secret| secret.hash).collect();
        self.core.apply(Change { position, key: record.id, hashes });
        record
    }

    fn attribute(&self, author: Author) -> Attribution {
        author.at(self.now())
    }
}

/// Holds what was verified against what is required, and reports what that came to.
fn conclude<S: Scope>(
    verified: Result<Principal<S>, VerifyError>,
    requirement: &Requirement<S>,
) -> Result<Principal<S>, VerifyError> {
    let verified = verified.and_then(|principal| {
        requirement.check(&principal)?;
        Ok(principal)
    });
    report::verification(&verified);
    verified
}

fn new_key<S: Scope>(
    request: &CreateKey<S>,
    api_key: &ApiKey,
    token: Option<IdempotencyToken>,
    now: Timestamp,
) -> Result<NewKey, CreateError> {
    if request.scopes.is_empty() {
        return Err(CreateError::NoScopes);
    }
    let expires_at = match request.expiry {
        Expiry::Never => None,
        Expiry::At(at) => Some(at),
        Expiry::After(duration) => Some(now.saturating_add(duration)),
    };
    if expires_at.is_some_and(|at| at <= now) {
        return Err(CreateError::ExpiryNotInFuture);
    }
    let idempotency = token.map(|token| Idempotency {
        token,
        fingerprint: request.fingerprint(),
        remembered_until: now.saturating_add(TOKENS_REMEMBERED),
    });
    Ok(NewKey {
        id: new_key_id(now)?,
        organization: request.organization.clone(),
        name: request.name.clone(),
        environment: request.environment,
        scopes: request.scopes.into(),
        expires_at,
        secret: NewSecret { hash: api_key.hash(), hint: api_key.hint() },
        idempotency,
    })
}

fn new_key_id(now: Timestamp) -> Result<KeyId, EntropyError> {
    let mut random = [0; 8];
    keyfob_core::fill_random(&mut random)?;
    Ok(KeyId::new(now, random))
}

impl<S, St> Clone for KeyService<S, St> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), follower: Arc::clone(&self.follower) }
    }
}

impl<S, St> fmt::Debug for KeyService<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyService").field("format", &self.core.format).finish_non_exhaustive()
    }
}
