use std::fmt;
use std::time::Duration;

use keyfob_core::{ApiKey, EntropyError, Environment, Scope, ScopeSet};
use keyfob_store::{
    Idempotency, IdempotencyToken, KeyId, KeyName, KeyRecord, NewKey, NewSecret, OrganizationId,
    ScopeNames, StoreError, Timestamp,
};
use sha2::{Digest, Sha256};

/// A request for a new key.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateKey<S> {
    pub(crate) organization: OrganizationId,
    pub(crate) name: KeyName,
    pub(crate) environment: Environment,
    pub(crate) scopes: ScopeSet<S>,
    pub(crate) expiry: Expiry,
    pub(crate) latest_expiry: Option<Timestamp>,
}

/// When a new key stops being accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// At this time.
    At(Timestamp),
    /// So long after it was made.
    After(Duration),
}

impl Expiry {
    /// Returns the moment of the expiry of a key that is created at this time.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
            Self::After(duration) => Some(now.saturating_add(duration)),
        }
    }
}

impl<S> CreateKey<S> {
    /// A key that never expires.
    #[must_use]
    pub const fn new(
        organization: OrganizationId,
        name: KeyName,
        environment: Environment,
        scopes: ScopeSet<S>,
    ) -> Self {
        Self { organization, name, environment, scopes, expiry: Expiry::Never, latest_expiry: None }
    }

    /// The same key with an end.
    #[must_use]
    pub const fn with_expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }

    /// Limits the expiry: the key expires then at the latest, even without an expiry of its own.
    ///
    /// It is no part of what makes a repeated request the same.
    #[must_use]
    pub const fn with_latest_expiry(mut self, latest: Option<Timestamp>) -> Self {
        self.latest_expiry = latest;
        self
    }
}

impl<S: Scope> CreateKey<S> {
    /// What is inserted for it.
    pub(crate) fn into_new_key(
        self,
        api_key: &ApiKey,
        token: Option<IdempotencyToken>,
        now: Timestamp,
    ) -> Result<NewKey, CreateError> {
        if self.scopes.is_empty() {
            return Err(CreateError::NoScopes);
        }
        let expires_at = match (self.expiry.at(now), self.latest_expiry) {
            (Some(at), Some(latest)) => Some(at.min(latest)),
            (at, latest) => at.or(latest),
        };
        Ok(NewKey {
            id: new_key_id(now)?,
            idempotency: token.map(|token| idempotency(token, self.fingerprint(), now)),
            organization: self.organization,
            name: self.name,
            environment: self.environment,
            scopes: self.scopes.into(),
            expires_at,
            secret: NewSecret { hash: api_key.hash(), hint: api_key.hint() },
        })
    }

    /// The same for the same request, whenever it is sent.
    fn fingerprint(&self) -> [u8; 32] {
        let expiry = match self.expiry {
            Expiry::Never => String::from("never"),
            Expiry::At(at) => format!("at {}", at.as_micros()),
            Expiry::After(duration) => format!("after {}", duration.as_micros()),
        };
        let scopes = ScopeNames::from(self.scopes);
        fingerprint(&[
            "create",
            self.name.as_str(),
            self.environment.as_str(),
            scopes.as_str(),
            &expiry,
        ])
    }
}

impl<S: Scope> fmt::Debug for CreateKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateKey")
            .field("organization", &self.organization)
            .field("name", &self.name)
            .field("environment", &self.environment)
            .field("scopes", &self.scopes)
            .field("expiry", &self.expiry)
            .field("latest_expiry", &self.latest_expiry)
            .finish()
    }
}

/// How long an idempotency token is remembered.
const TOKENS_REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn idempotency(
    token: IdempotencyToken,
    fingerprint: [u8; 32],
    now: Timestamp,
) -> Idempotency {
    let remembered_until = now.saturating_add(TOKENS_REMEMBERED);
    Idempotency { token, fingerprint, remembered_until }
}

/// SHA-256 of what a request asks for: the same for the same request, whenever it is sent.
pub(crate) fn fingerprint(parts: &[&str]) -> [u8; 32] {
    // No part can hold a line feed, so no two requests come to the same text.
    Sha256::digest(parts.join("\n")).into()
}

pub(crate) fn new_key_id(now: Timestamp) -> Result<KeyId, EntropyError> {
    let mut random = [0; 8];
    keyfob_core::fill_random(&mut random)?;
    Ok(KeyId::new(now, random))
}

/// A key with a secret that was just made, in plaintext: show it once, to the one who asked.
#[derive(Debug)]
#[non_exhaustive]
pub struct IssuedKey {
    /// The key as it is stored.
    pub key: KeyRecord,
    /// The plaintext, which exists nowhere else.
    pub api_key: ApiKey,
}

/// What a request that may have been sent before came to.
#[derive(Debug)]
pub enum IssuedOnce {
    /// It made a key.
    New(IssuedKey),
    /// It made this key when it was sent before. The plaintext was shown then and can't be again.
    Replayed(KeyRecord),
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// A key without scopes could do nothing.
    #[error("a key needs at least one scope")]
    NoScopes,
    /// The expiry is not in the future.
    #[error("a key's expiry must be in the future")]
    ExpiryNotInFuture,
    /// There are no random bytes to make it of.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store did not take it: the limit is reached, the idempotency token was used for
    /// another request, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
