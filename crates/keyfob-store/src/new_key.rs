use std::fmt;

use keyfob_core::{Environment, KeyHash, KeyHint};

use crate::{
    Committed, IdempotencyToken, KeyId, KeyName, KeyRecord, OrganizationId, ScopeNames, Timestamp,
};

/// A key to be inserted. Its attribution says when and by whom it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The lasting identity, made by the caller.
    pub id: KeyId,
    /// Who will own it.
    pub organization: OrganizationId,
    /// What a person calls it.
    pub name: KeyName,
    /// Live or test.
    pub environment: Environment,
    /// What it may do, by name.
    pub scopes: ScopeNames,
    /// From when on it is refused; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// Its first credential.
    pub secret: NewSecret,
    /// What makes a repeated request recognisable, if the client sent a token.
    pub idempotency: Option<Idempotency>,
}

/// What is kept of a new credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// SHA-256 of the plaintext.
    pub hash: KeyHash,
    /// What a list shows of it.
    pub hint: KeyHint,
}

/// How a request that is sent twice is recognised. Tokens belong to their organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's token.
    pub token: IdempotencyToken,
    /// SHA-256 of what the request asks for: under the same token it must be the same.
    pub fingerprint: [u8; 32],
    /// Until when the token is remembered, this moment included. Past it, the token is as good as
    /// new.
    pub remembered_until: Timestamp,
}

/// What an insertion came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The key is new.
    Created(Committed<KeyRecord>),
    /// The idempotency token was used before, for this same request: the record it made then, as
    /// it is now. Nothing was written.
    Replayed(KeyRecord),
}

/// How many keys an organization may hold at once, from its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLimit {
    /// So many; 0 allows none.
    AtMost(u64),
    /// As many as it likes.
    Unlimited,
}

impl KeyLimit {
    /// Whether one more fits beside this many.
    #[must_use]
    pub const fn allows_another(self, in_use: u64) -> bool {
        match self {
            Self::AtMost(limit) => in_use < limit,
            Self::Unlimited => true,
        }
    }
}

impl fmt::Display for KeyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "{limit}"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}
