use std::borrow::Cow;
use std::fmt;

use crate::{Actor, FeedPosition, KeyId, OrganizationId, PageSize, RequestId, Timestamp};

/// One line of the append-only log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log, which is also its identity.
    pub position: FeedPosition,
    /// When it happened, by the clock of the one who made the change.
    pub at: Timestamp,
    /// What happened.
    pub action: Action,
    /// Who did it.
    pub actor: Actor,
    /// Whose log it stands in.
    pub organization: OrganizationId,
    /// The key it happened to, if it happened to one.
    pub key: Option<KeyId>,
    /// The request it happened in, if it did in one.
    pub request_id: Option<RequestId>,
    /// What else there is to say: a JSON object. Never key material.
    pub details: Details,
}

/// What an event has to say beyond who, what and when.
pub type Details = serde_json::Map<String, serde_json::Value>;

/// An event of the embedder's own, for the same log: `organization.created`, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Whose log it goes to.
    pub organization: OrganizationId,
    /// What happened.
    pub action: Action,
    /// What else there is to say.
    pub details: Details,
}

/// What happened: two words with a dot between them. Those that start with `key.` are keyfob's, and
/// so is `organization.deleted`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Action(Cow<'static, str>);

impl Action {
    /// A key was created.
    pub const KEY_CREATED: Self = Self(Cow::Borrowed("key.created"));
    /// A key of another system was taken over.
    pub const KEY_IMPORTED: Self = Self(Cow::Borrowed("key.imported"));
    /// A key got a new secret.
    pub const KEY_ROTATED: Self = Self(Cow::Borrowed("key.rotated"));
    /// The overlap of a rotation was ended early.
    pub const KEY_RETIRED: Self = Self(Cow::Borrowed("key.retired"));
    /// A key was switched off.
    pub const KEY_DISABLED: Self = Self(Cow::Borrowed("key.disabled"));
    /// A key was switched on again.
    pub const KEY_ENABLED: Self = Self(Cow::Borrowed("key.enabled"));
    /// A key's name, scopes or expiry changed.
    pub const KEY_EDITED: Self = Self(Cow::Borrowed("key.edited"));
    /// A key was revoked.
    pub const KEY_REVOKED: Self = Self(Cow::Borrowed("key.revoked"));
    /// An organization was deleted, and all its keys with it.
    pub const ORGANIZATION_DELETED: Self = Self(Cow::Borrowed("organization.deleted"));

    /// An action of the embedder's own.
    ///
    /// # Errors
    /// [`InvalidAction`] unless it is two parts of `[a-z_]` with a dot between them, at most 64
    /// bytes, that is not one of keyfob's own.
    pub fn custom(action: &str) -> Result<Self, InvalidAction> {
        let action = Self::from_stored(action)?;
        let own = action.0.starts_with("key.") || action == Self::ORGANIZATION_DELETED;
        if own { Err(InvalidAction) } else { Ok(action) }
    }

    /// An action as a store kept it, keyfob's own included.
    ///
    /// # Errors
    /// [`InvalidAction`] unless it is two parts of `[a-z_]` with a dot between them.
    pub fn from_stored(action: &str) -> Result<Self, InvalidAction> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))
        };
        match action.split_once('.') {
            Some((subject, verb)) if part(subject) && part(verb) && action.len() <= 64 => {
                Ok(Self(Cow::Owned(action.to_owned())))
            }
            _ => Err(InvalidAction),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({self})")
    }
}

/// The text is no action that an embedder may log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an action is two words of [a-z_] with a dot between them, and those of `key.` are keyfob's"
)]
pub struct InvalidAction;

/// Which events of an organization to list, newest first. Filters add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// How many at most.
    pub size: PageSize,
    /// Only events older than this one, which is where the page before ended.
    pub after: Option<FeedPosition>,
    /// Only those of this key.
    pub key: Option<KeyId>,
    /// Only those by this actor.
    pub actor: Option<Actor>,
    /// Only those of this kind.
    pub action: Option<Action>,
    /// How far back.
    pub history: History,
}

/// How far back an organization's log is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// To the last deletion of an organization of this id, without that: what is the organization's
    /// own.
    #[default]
    SinceDeletion,
    /// To the first event that was ever logged under the id, deletions included. For operators only:
    /// an organization that comes after another of its id is to see nothing of it.
    WithDeleted,
}

impl EventQuery {
    /// The first page of every event that is the organization's own.
    #[must_use]
    pub const fn new(size: PageSize) -> Self {
        let history = History::SinceDeletion;
        Self { size, after: None, key: None, actor: None, action: None, history }
    }

    /// The same, and those of deleted organizations of this id as well: see
    /// [`History::WithDeleted`].
    #[must_use]
    pub fn with_deleted(self) -> Self {
        Self { history: History::WithDeleted, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedder_can_not_write_events_of_keys() {
        assert_eq!(
            Action::custom("organization.created").unwrap().as_str(),
            "organization.created"
        );
        for bad in ["key.revoked", "created", "a.b.c", ".b", "a.", "A.b", "a.b ", "a.\n"] {
            assert_eq!(Action::custom(bad), Err(InvalidAction), "{bad:?}");
        }
        assert_eq!(Action::from_stored("key.revoked"), Ok(Action::KEY_REVOKED));
    }
}
