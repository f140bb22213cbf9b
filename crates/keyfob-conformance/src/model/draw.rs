//! What the small numbers of an operation stand for.

use keyfob_store::{
    Action, KeyEdit, KeyId, KeyLimit, NewKey, NewSecret, OrganizationId, Timestamp,
};

use super::operation::{Draft, Edit, Expiry, Pick, Target};
use super::player::Player;
use super::reference::Key;
use crate::sample::{at, organization, scopes};

pub(super) const ORGANIZATIONS: [&str; 3] = ["acme", "globex", "Acme"];
pub(super) const ACTORS: [&str; 2] = ["ann", "bob"];
pub(super) const NAMES: [&str; 3] = ["first", "second", "third"];
pub(super) const SCOPES: [&str; 4] = ["", "org:read", "org:read shield:write", "z:last a:first"];
pub(super) const TOKENS: [&str; 2] = ["crimson", "emerald"];
/// For how many seconds a token is remembered.
pub(super) const MEMORY: i64 = 120;

impl Player<'_> {
    pub(super) fn id(&self, index: usize) -> Option<KeyId> {
        let count = self.model.keys.len().max(1);
        self.model.keys.get(index % count).map(Key::id)
    }

    /// The key that is meant, in whose name, and its number.
    pub(super) fn target(&self, target: &Target) -> Option<(OrganizationId, KeyId, usize)> {
        let index = target.index % self.model.keys.len().max(1);
        let key = self.model.keys.get(index)?;
        let owner = key.owner().clone();
        let stranger = ORGANIZATIONS.map(organization).into_iter().find(|other| *other != owner);
        let owner = stranger.filter(|_| target.foreign).unwrap_or(owner);
        Some((owner, key.id(), index))
    }

    pub(super) fn new_key(&mut self, owner: usize, draft: &Draft) -> NewKey {
        let fresh = self.stage.key(&owner_of(owner), self.clock);
        let id = match draft.id {
            Pick::Old(index) if !self.ids.is_empty() => self.ids[index % self.ids.len()],
            _ => fresh.id,
        };
        self.ids.push(id);
        NewKey {
            id,
            environment: draft.environment,
            scopes: scopes(SCOPES[draft.scopes]),
            expires_at: self.expiry(&draft.expires),
            secret: self.secret(&draft.secret),
            ..fresh
        }
    }

    pub(super) fn secret(&mut self, pick: &Pick) -> NewSecret {
        let secret = match pick {
            Pick::Old(index) if !self.secrets.is_empty() => {
                self.secrets[index % self.secrets.len()]
            }
            _ => self.stage.secret(),
        };
        if !self.secrets.contains(&secret) {
            self.secrets.push(secret);
        }
        secret
    }

    pub(super) fn edit(&self, edit: &Edit) -> KeyEdit {
        KeyEdit {
            name: edit.name.and_then(|index| NAMES[index].parse().ok()),
            scopes: edit.scopes.map(|index| scopes(SCOPES[index])),
            expires_at: edit.expires.as_ref().map(|expiry| self.expiry(expiry)),
        }
    }

    pub(super) fn expiry(&self, expiry: &Expiry) -> Option<Timestamp> {
        match expiry {
            Expiry::Never => None,
            Expiry::In(seconds) => Some(at(self.clock + seconds)),
        }
    }
}

pub(super) fn owner_of(index: usize) -> OrganizationId {
    organization(ORGANIZATIONS[index % ORGANIZATIONS.len()])
}

pub(super) fn limit_of(limit: Option<u64>) -> KeyLimit {
    limit.map_or(KeyLimit::Unlimited, KeyLimit::AtMost)
}

pub(super) fn action_of(index: usize) -> Option<Action> {
    let custom = Action::custom("plan.changed").ok()?;
    let actions = [
        custom,
        Action::KEY_CREATED,
        Action::KEY_IMPORTED,
        Action::KEY_ROTATED,
        Action::KEY_RETIRED,
        Action::KEY_DISABLED,
        Action::KEY_ENABLED,
        Action::KEY_EDITED,
        Action::KEY_REVOKED,
        Action::ORGANIZATION_DELETED,
    ];
    actions.get(index).cloned()
}
