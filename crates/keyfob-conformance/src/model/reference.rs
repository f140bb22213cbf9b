//! The reference: what a store has to answer, in the plainest words. It shares nothing with any
//! store but the types that the answers are made of.

use std::cmp::Reverse;
use std::collections::HashMap;

use keyfob_store::{
    Attribution, FoundKey, FoundState, History, Idempotency, KeyEdit, KeyHash, KeyId, KeyRecord,
    KeyState, KeyStatus, NewKey, OrganizationId, SecretRecord, Timestamp,
};
use serde_json::Value;

use super::answer::{Answer, Logged, Refusal};
use super::reference_usage::Usage;

/// Everything that was ever done.
#[derive(Default)]
pub(crate) struct Reference {
    pub(crate) keys: Vec<Key>,
    /// How often each organization was deleted. What is of an earlier life of it is gone.
    pub(super) lives: HashMap<OrganizationId, u32>,
    pub(super) tokens: HashMap<(OrganizationId, u32, String), Token>,
    pub(super) log: Vec<(OrganizationId, u32, Logged)>,
    /// What the feed has to tell, in order.
    pub(crate) feed: Vec<Change>,
    pub(crate) usage: Usage,
}

pub(crate) struct Key {
    /// As it was made; what changes is beside it.
    pub(super) made: NewKey,
    pub(super) life: u32,
    pub(super) by: Attribution,
    pub(crate) edit: KeyEdit,
    pub(super) state: KeyState,
    /// All that it ever had, oldest first.
    pub(crate) secrets: Vec<SecretRecord>,
}

pub(super) struct Token {
    pub(super) idempotency: Idempotency,
    pub(super) key: KeyId,
    /// A moment came that was past its time. Should the clock go back, a store may remember it or
    /// not.
    pub(super) doubtful: bool,
}

/// A step of the feed.
pub(crate) enum Change {
    /// Of a key, with the hashes that have to be told.
    Key(KeyId, Vec<KeyHash>),
    Organization(OrganizationId),
}

const DAY: i64 = 86_400_000_000;

impl Reference {
    /// The clock shows this time.
    pub(crate) fn tick(&mut self, at: Timestamp) {
        for token in self.tokens.values_mut() {
            token.doubtful |= token.idempotency.remembered_until < at;
        }
    }

    /// Whether nobody can say what a store answers to this token.
    pub(crate) fn doubts(
        &self,
        organization: &OrganizationId,
        asked: Option<&Idempotency>,
        at: Timestamp,
    ) -> bool {
        self.token(organization, asked)
            .is_some_and(|token| token.doubtful && token.idempotency.remembered_until >= at)
    }

    pub(crate) fn log(
        &mut self,
        owner: &OrganizationId,
        key: Option<KeyId>,
        action: &str,
        details: Value,
        by: &Attribution,
    ) -> Logged {
        let actor = by.author.actor.as_str().to_owned();
        let logged = Logged { at: by.at, action: action.to_owned(), actor, key, details };
        self.log.push((owner.clone(), self.life(owner), logged.clone()));
        logged
    }

    pub(super) fn log_key(&mut self, id: KeyId, action: &str, details: Value, by: &Attribution) {
        let Some(key) = self.keys.iter().find(|key| key.made.id == id) else { return };
        let a_day_before = by.at.as_micros().saturating_sub(DAY);
        let cached = |secret: &&SecretRecord| {
            secret.retires_at.is_none_or(|end| end.as_micros() > a_day_before)
        };
        let hashes = key.secrets.iter().filter(cached).map(|secret| secret.hash).collect();
        let owner = key.made.organization.clone();
        self.feed.push(Change::Key(id, hashes));
        self.log(&owner, Some(id), action, details, by);
    }

    pub(super) fn token(
        &self,
        owner: &OrganizationId,
        asked: Option<&Idempotency>,
    ) -> Option<&Token> {
        let text = asked?.token.as_str().to_owned();
        self.tokens.get(&(owner.clone(), self.life(owner), text))
    }

    pub(crate) fn get(&self, owner: &OrganizationId, id: KeyId) -> Vec<Answer> {
        match self.place(owner, id) {
            Some(place) => vec![Answer::Read(self.keys[place].record())],
            None => vec![NOT_FOUND],
        }
    }

    /// The keys of an organization that is there, newest first.
    pub(crate) fn list(&self, owner: &OrganizationId) -> Vec<KeyRecord> {
        let mut keys: Vec<_> = self.keys_of(owner).map(Key::record).collect();
        keys.sort_by_key(|key| Reverse(key.id));
        keys
    }

    pub(crate) fn in_use(&self, owner: &OrganizationId, at: Timestamp) -> u64 {
        self.keys_of(owner).filter(|key| key.is_live(at)).count() as u64
    }

    pub(crate) fn find(&self, hash: &KeyHash) -> Option<FoundKey> {
        let of = |key: &&Key| key.secrets.iter().any(|secret| secret.hash == *hash);
        let key = self.keys.iter().find(of)?;
        let secret = key.secrets.iter().find(|secret| secret.hash == *hash)?;
        let record = key.record();
        Some(FoundKey {
            id: record.id,
            environment: record.environment,
            scopes: record.scopes,
            state: match key.state {
                _ if !self.is_there(key) => FoundState::OrganizationDeleted,
                KeyState::Active => FoundState::Active,
                KeyState::Disabled => FoundState::Disabled,
                KeyState::Revoked(_) => FoundState::Revoked,
            },
            expires_at: record.expires_at,
            organization: record.organization,
            secret: secret.generation,
            retires_at: secret.retires_at,
        })
    }

    /// The log of an organization that is there, or of all that were, newest first.
    pub(crate) fn events(&self, owner: &OrganizationId, history: History) -> Vec<Logged> {
        let of = |entry: &&(OrganizationId, u32, Logged)| {
            entry.0 == *owner && (history == History::WithDeleted || entry.1 == self.life(owner))
        };
        self.log.iter().rev().filter(of).map(|(_, _, logged)| logged.clone()).collect()
    }

    pub(super) fn keys_of(&self, owner: &OrganizationId) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.made.organization == *owner && self.is_there(key))
    }

    pub(super) fn is_there(&self, key: &Key) -> bool {
        key.life == self.life(&key.made.organization)
    }

    pub(super) fn life(&self, owner: &OrganizationId) -> u32 {
        self.lives.get(owner).copied().unwrap_or(0)
    }

    /// Where the key of an organization is, if the organization has it.
    pub(crate) fn place(&self, owner: &OrganizationId, id: KeyId) -> Option<usize> {
        self.keys.iter().position(|key| {
            key.made.id == id && key.made.organization == *owner && self.is_there(key)
        })
    }

    pub(super) fn record(&self, id: KeyId) -> KeyRecord {
        let key = self.keys.iter().find(|key| key.made.id == id);
        key.expect("the model asks for keys that it has made").record()
    }
}

pub(super) const NOT_FOUND: Answer = Answer::Refused(Refusal::NotFound);

impl Key {
    pub(crate) fn id(&self) -> KeyId {
        self.made.id
    }

    pub(crate) fn owner(&self) -> &OrganizationId {
        &self.made.organization
    }

    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.edit.expires_at.unwrap_or(self.made.expires_at)
    }

    pub(super) fn is_revoked(&self) -> bool {
        matches!(self.state, KeyState::Revoked(_))
    }

    pub(super) fn is_live(&self, at: Timestamp) -> bool {
        !self.is_revoked() && self.expires_at().is_none_or(|expiry| expiry > at)
    }

    /// When the last rotation's overlap ends, if it goes on.
    pub(super) fn overlap(&self, at: Timestamp) -> Option<Timestamp> {
        self.secrets.iter().rev().nth(1)?.retires_at.filter(|end| *end > at)
    }

    pub(super) fn record(&self) -> KeyRecord {
        let made = self.made.clone();
        KeyRecord {
            id: made.id,
            organization: made.organization,
            name: self.edit.name.clone().unwrap_or(made.name),
            environment: made.environment,
            scopes: self.edit.scopes.clone().unwrap_or(made.scopes),
            state: self.state.clone(),
            created_at: self.by.at,
            created_by: self.by.author.actor.clone(),
            expires_at: self.expires_at(),
            secrets: self.secrets.iter().rev().take(2).cloned().collect(),
        }
    }
}

/// What a record is at a time, in the model's own words.
pub(crate) fn status(key: &KeyRecord, at: Timestamp) -> KeyStatus {
    let expired = key.expires_at.is_some_and(|expiry| at >= expiry);
    match &key.state {
        KeyState::Revoked(_) => KeyStatus::Revoked,
        KeyState::Active | KeyState::Disabled if expired => KeyStatus::Expired,
        KeyState::Disabled => KeyStatus::Disabled,
        KeyState::Active => KeyStatus::Active,
    }
}
