use keyfob_core::{Environment, KeyHash, KeyHint};

use crate::{
    Actor, FeedPosition, KeyId, KeyName, OrganizationId, Reason, ScopeNames, StoreError, Timestamp,
};

/// A key as it is kept: everything about it but its plaintext, which no store ever sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The lasting identity.
    pub id: KeyId,
    /// Who owns it.
    pub organization: OrganizationId,
    /// What a person calls it.
    pub name: KeyName,
    /// Live or test, as its prefix says.
    pub environment: Environment,
    /// What it may do, by name.
    pub scopes: ScopeNames,
    /// What was done to it. See [`status`](Self::status) for what that means now.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Actor,
    /// From when on it is refused; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// Its credentials, newest first: the one in use, and the one before it if there was one.
    pub secrets: Vec<SecretRecord>,
}

impl KeyRecord {
    /// What the key is at this time.
    #[must_use]
    pub fn status(&self, at: Timestamp) -> KeyStatus {
        match self.state {
            KeyState::Revoked(_) => KeyStatus::Revoked,
            _ if self.expires_at.is_some_and(|expiry| expiry <= at) => KeyStatus::Expired,
            KeyState::Disabled => KeyStatus::Disabled,
            KeyState::Active => KeyStatus::Active,
        }
    }

    /// Returns the moment when an old secret of the key stops working: the end of its overlap, or
    /// the key's expiry if that comes before. `None` for the newest secret.
    #[must_use]
    pub fn old_secret_ends(&self, secret: &SecretRecord) -> Option<Timestamp> {
        let end = secret.retires_at?;
        Some(self.expires_at.map_or(end, |expiry| expiry.min(end)))
    }
}

/// What was done to a key, whatever the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In use.
    Active,
    /// Switched off; it can be switched on again.
    Disabled,
    /// Refused for ever.
    Revoked(Revocation),
}

/// The end of a key: the first revocation, which no later one changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// Why, if a reason was given.
    pub reason: Option<Reason>,
}

/// What a key is at a given time: its state and its expiry, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    /// It is honoured.
    Active,
    /// It is refused until it is enabled again.
    Disabled,
    /// It is refused for ever.
    Revoked,
    /// It is refused since its expiry, which has come (the moment itself included).
    Expired,
}

impl KeyStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Active, Self::Disabled, Self::Revoked, Self::Expired];

    /// Whether such a key counts towards its organization's limit.
    #[must_use]
    pub const fn holds_slot(self) -> bool {
        matches!(self, Self::Active | Self::Disabled)
    }

    /// The word for it: `active`, `disabled`, `revoked` or `expired`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// One credential of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRecord {
    /// Which of the key's secrets it is: 1 for the first, one more at each rotation.
    pub generation: u32,
    /// SHA-256 of the plaintext.
    pub hash: KeyHash,
    /// What a list shows of it.
    pub hint: KeyHint,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused, because a newer one has taken its place.
    pub retires_at: Option<Timestamp>,
    /// When it was last accepted, as far as it is known.
    pub last_used_at: Option<Timestamp>,
}

/// What verification needs of the key that a hash belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub id: KeyId,
    /// Who owns it.
    pub organization: OrganizationId,
    /// Live or test.
    pub environment: Environment,
    /// What it may do, by name.
    pub scopes: ScopeNames,
    /// What was done to it.
    pub state: FoundState,
    /// From when on the key is refused.
    pub expires_at: Option<Timestamp>,
    /// Which of its secrets the hash is of.
    pub secret: u32,
    /// From when on this secret of it is refused.
    pub retires_at: Option<Timestamp>,
}

/// What was done to a key that was found: a [`KeyState`] without the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundState {
    /// In use.
    Active,
    /// Switched off.
    Disabled,
    /// Refused for ever.
    Revoked,
    /// Refused for ever, because its organization was deleted.
    OrganizationDeleted,
}

/// The answer to a batch of lookups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKeys {
    /// The read is at least as new as this position of the change feed.
    pub position: FeedPosition,
    /// For each hash that was asked for, in that order, the key it belongs to: `None` if there is no
    /// such key. A key that can't be read is an error of its own, and not one of the others.
    pub keys: Vec<Result<Option<FoundKey>, DamagedRecord>>,
}

impl FoundKeys {
    /// The keys, if all of them can be read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for the first key that can't be read.
    pub fn all(self) -> Result<Vec<Option<FoundKey>>, StoreError> {
        Ok(self.keys.into_iter().collect::<Result<_, _>>()?)
    }
}

/// A stored record that can't be read: something else than the store changed it, or it is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store holds something that it did not write: {what}")]
pub struct DamagedRecord {
    what: String,
}

impl DamagedRecord {
    /// Keeps what a store found wrong with one record, without its contents.
    ///
    /// # Errors
    /// Returns an error that is not about one record, such as an outage.
    pub fn of(error: StoreError) -> Result<Self, StoreError> {
        match error {
            StoreError::Corrupt { what, .. } => Ok(Self { what }),
            other => Err(other),
        }
    }
}

impl From<DamagedRecord> for StoreError {
    fn from(DamagedRecord { what }: DamagedRecord) -> Self {
        Self::Corrupt { what, source: None }
    }
}
