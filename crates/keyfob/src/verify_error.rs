use std::sync::Arc;

use keyfob_core::InvalidKey;
use keyfob_store::{ScopeNames, StoreError};

/// Why there is no principal: the key is refused, or nobody can tell.
///
/// The two are never mixed up. A refusal is an answer about the key; an outage says nothing about
/// it, and a service that answered it with 401 would make its clients throw good keys away.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Cannot tell: the store did not answer, and nothing that may still be trusted is cached.
    #[error(transparent)]
    Unavailable(#[from] Outage),
}

impl VerifyError {
    /// Why the key was refused, if it was.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unavailable(_) => None,
        }
    }
}

/// Why a key is refused. It is for logs and metrics: the client learns no more than that the key
/// is not accepted, or which scope is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not spelled like a key of this service.
    #[error("the key is malformed: {0}")]
    Malformed(#[from] InvalidKey),
    /// It is well-formed and nobody's.
    #[error("the key is unknown")]
    Unknown,
    /// It is a test key where a live one is needed, or the reverse.
    #[error("the key belongs to another environment")]
    WrongEnvironment,
    /// It is switched off.
    #[error("the key is disabled")]
    Disabled,
    /// Its expiry has come.
    #[error("the key has expired")]
    Expired,
    /// A newer secret of the same key has taken its place.
    #[error("the key was rotated, and its old secret has retired")]
    Retired,
    /// It was revoked.
    #[error("the key was revoked")]
    Revoked,
    /// Its organization was deleted.
    #[error("the key's organization was deleted")]
    OrganizationDeleted,
    /// It is good, and may not do this.
    #[error("the key lacks a scope: this needs {required}")]
    MissingScope {
        /// All scopes that are needed.
        required: ScopeNames,
    },
}

impl Refusal {
    /// One word for it, for logs and metrics: `unknown`, `revoked`, `missing_scope`…
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Unknown => "unknown",
            Self::WrongEnvironment => "wrong_environment",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
            Self::OrganizationDeleted => "organization_deleted",
            Self::MissingScope { .. } => "missing_scope",
        }
    }
}

/// Why nobody can tell whether a key is good. Ask again soon.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Outage {
    /// The store answered a lookup with an error. One failed lookup may have been many callers'.
    #[error("the key could not be looked up")]
    Store(#[source] Arc<StoreError>),
    /// The store did not answer in time.
    #[error("the key could not be looked up in time")]
    Timeout,
    /// The task that looked it up ended before it had the answer: the runtime shuts down, or the
    /// store panicked.
    #[error("the lookup of the key was interrupted")]
    Interrupted,
    /// Too many callers wait for the store already: 100,000 in this process.
    #[error("the key was not looked up, since too many lookups wait for the store")]
    Overloaded,
    /// The answers kept being overtaken by changes to the key.
    #[error("the key kept changing while it was looked up")]
    Overtaken,
}
