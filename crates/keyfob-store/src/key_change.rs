//! What can be done to a key that exists, short of its revocation.

use crate::{Idempotency, KeyName, NewSecret, ScopeNames, Timestamp};

/// A new secret for a key, beside the old one for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The new credential.
    pub secret: NewSecret,
    /// Until when the old one works too. Not after the attribution's time: it is refused at once.
    pub overlap_ends: Timestamp,
    /// What makes a repeated request recognisable, if the client sent a token.
    pub idempotency: Option<Idempotency>,
}

/// Whether a key is honoured, as long as it is neither revoked nor expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is.
    On,
    /// It is refused until it is switched on again. It keeps its slot in the plan.
    Off,
}

/// What to change about a key. `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyEdit {
    /// What a person calls it.
    pub name: Option<KeyName>,
    /// What it may do from now on.
    pub scopes: Option<ScopeNames>,
    /// From when on it is refused; `Some(None)` for never.
    pub expires_at: Option<Option<Timestamp>>,
}
