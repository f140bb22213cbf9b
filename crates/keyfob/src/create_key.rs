use std::fmt;
use std::time::Duration;

use keyfob_core::{ApiKey, EntropyError, Environment, Scope, ScopeSet};
use keyfob_store::{KeyName, KeyRecord, OrganizationId, ScopeNames, StoreError, Timestamp};
use sha2::{Digest, Sha256};

/// A request for a new key.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateKey<S> {
    pub(crate) organization: OrganizationId,
    pub(crate) name: KeyName,
    pub(crate) environment: Environment,
    pub(crate) scopes: ScopeSet<S>,
    pub(crate) expiry: Expiry,
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

impl<S> CreateKey<S> {
    /// A key that never expires.
    #[must_use]
    pub const fn new(
        organization: OrganizationId,
        name: KeyName,
        environment: Environment,
        scopes: ScopeSet<S>,
    ) -> Self {
        Self { organization, name, environment, scopes, expiry: Expiry::Never }
    }

    /// The same key with an end.
    #[must_use]
    pub const fn with_expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }
}

impl<S: Scope> CreateKey<S> {
    /// SHA-256 of what is asked for: the same for the same request, whenever it is sent.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let expiry = match self.expiry {
            Expiry::Never => String::from("never"),
            Expiry::At(at) => format!("at {}", at.as_micros()),
            Expiry::After(duration) => format!("after {}", duration.as_micros()),
        };
        let scopes = ScopeNames::from(self.scopes);
        // No part can hold a line feed, so no two requests come to the same text.
        let lines =
            ["create", self.name.as_str(), self.environment.as_str(), scopes.as_str(), &expiry];
        Sha256::digest(lines.join("\n")).into()
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
            .finish()
    }
}

/// A key that was just made, with its plaintext: show it once, to the one who asked.
#[derive(Debug)]
#[non_exhaustive]
pub struct CreatedKey {
    /// The key as it is stored.
    pub key: KeyRecord,
    /// The plaintext, which exists nowhere else.
    pub api_key: ApiKey,
}

/// What a request that may have been sent before came to.
#[derive(Debug)]
pub enum CreatedOnce {
    /// It made a key.
    New(CreatedKey),
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
