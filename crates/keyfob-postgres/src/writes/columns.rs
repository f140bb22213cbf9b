//! What a transaction writes, column by column, as vectors: that is how many rows go in one statement.

use keyfob_store::{KeyRecord, KeyState, Reason, RequestId, SecretRecord, StoreError, Timestamp};
use uuid::Uuid;

use super::difference::LogLine;
use super::working_set::WorkingSet;
use crate::reads::uuid;

/// The rows of every table.
#[derive(Default)]
pub(crate) struct Columns<'w> {
    pub(crate) keys: NewKeys<'w>,
    pub(crate) ends: SecretEnds,
    pub(crate) secrets: NewSecrets<'w>,
    pub(crate) changes: KeyChanges<'w>,
    pub(crate) events: Events<'w>,
    pub(crate) feed: Feed<'w>,
    pub(crate) forgotten: Forgotten<'w>,
    pub(crate) tokens: Tokens<'w>,
    pub(crate) deleted: Deleted<'w>,
    /// The end of the feed, as text: what a notification says.
    pub(crate) end: String,
}

#[derive(Default)]
pub(crate) struct NewKeys<'w> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) organizations: Vec<&'w str>,
    pub(crate) epochs: Vec<i64>,
    pub(crate) names: Vec<&'w str>,
    pub(crate) environments: Vec<&'w str>,
    pub(crate) scopes: Vec<&'w str>,
    pub(crate) created_at: Vec<i64>,
    pub(crate) created_by: Vec<&'w str>,
    pub(crate) expires_at: Vec<Option<i64>>,
}

#[derive(Default)]
pub(crate) struct SecretEnds {
    pub(crate) keys: Vec<Uuid>,
    pub(crate) generations: Vec<i64>,
    pub(crate) retires_at: Vec<Option<i64>>,
}

#[derive(Default)]
pub(crate) struct NewSecrets<'w> {
    pub(crate) hashes: Vec<&'w [u8]>,
    pub(crate) keys: Vec<Uuid>,
    pub(crate) generations: Vec<i64>,
    pub(crate) hints: Vec<&'w str>,
    pub(crate) created_at: Vec<i64>,
    pub(crate) retires_at: Vec<Option<i64>>,
}

#[derive(Default)]
pub(crate) struct KeyChanges<'w> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) names: Vec<&'w str>,
    pub(crate) scopes: Vec<&'w str>,
    pub(crate) expires_at: Vec<Option<i64>>,
    pub(crate) disabled: Vec<bool>,
    pub(crate) revoked_at: Vec<Option<i64>>,
    pub(crate) revoked_by: Vec<Option<&'w str>>,
    pub(crate) revoked_reason: Vec<Option<&'w str>>,
}

#[derive(Default)]
pub(crate) struct Events<'w> {
    pub(crate) positions: Vec<i64>,
    pub(crate) at: Vec<i64>,
    pub(crate) organizations: Vec<&'w str>,
    pub(crate) actions: Vec<&'w str>,
    pub(crate) actors: Vec<&'w str>,
    pub(crate) keys: Vec<Option<Uuid>>,
    pub(crate) requests: Vec<Option<&'w str>>,
    pub(crate) details: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Feed<'w> {
    pub(crate) positions: Vec<i64>,
    pub(crate) keys: Vec<Option<Uuid>>,
    pub(crate) organizations: Vec<&'w str>,
    pub(crate) hashes: Vec<&'w [u8]>,
}

#[derive(Default)]
pub(crate) struct Forgotten<'w> {
    pub(crate) organizations: Vec<&'w str>,
    pub(crate) at: Vec<i64>,
}

#[derive(Default)]
pub(crate) struct Tokens<'w> {
    pub(crate) organizations: Vec<&'w str>,
    pub(crate) names: Vec<&'w str>,
    pub(crate) fingerprints: Vec<&'w [u8]>,
    pub(crate) keys: Vec<Uuid>,
    pub(crate) remembered_until: Vec<i64>,
}

#[derive(Default)]
pub(crate) struct Deleted<'w> {
    pub(crate) organizations: Vec<&'w str>,
    pub(crate) epochs: Vec<i64>,
}

impl<'w> Columns<'w> {
    /// Everything that the working set has to write, with the values that are in it in the end.
    pub(crate) fn new(set: &'w WorkingSet) -> Result<Self, StoreError> {
        let difference = &set.difference;
        let mut columns = Self { end: set.end.to_string(), ..Self::default() };
        for key in &difference.new_keys {
            let known = &set.keys[key];
            columns.keys.push(&known.record, known.epoch);
        }
        for (key, generation) in &difference.retired_secrets {
            let secret = secret(set, *key, *generation);
            columns.ends.keys.push(uuid(*key));
            columns.ends.generations.push(i64::from(*generation));
            columns.ends.retires_at.push(secret.retires_at.map(Timestamp::as_micros));
        }
        for (key, generation) in &difference.new_secrets {
            columns.secrets.push(uuid(*key), secret(set, *key, *generation));
        }
        for key in &difference.changed_keys {
            columns.changes.push(&set.keys[key].record);
        }
        for line in &difference.events {
            columns.events.push(line)?;
        }
        for entry in &difference.feed {
            columns.feed.positions.push(entry.position);
            columns.feed.keys.push(entry.key.map(uuid));
            columns.feed.organizations.push(entry.organization.as_str());
            columns.feed.hashes.push(&entry.hashes);
        }
        for (organization, at) in &difference.forgotten {
            columns.forgotten.organizations.push(organization.as_str());
            columns.forgotten.at.push(at.as_micros());
        }
        for name in &difference.tokens {
            let kept = &set.tokens[name];
            columns.tokens.organizations.push(name.0.as_str());
            columns.tokens.names.push(name.1.as_str());
            columns.tokens.fingerprints.push(&kept.fingerprint);
            columns.tokens.keys.push(uuid(kept.key));
            columns.tokens.remembered_until.push(kept.remembered_until.as_micros());
        }
        for (organization, epoch) in &difference.deleted {
            columns.deleted.organizations.push(organization.as_str());
            columns.deleted.epochs.push(*epoch);
        }
        Ok(columns)
    }
}

fn secret(set: &WorkingSet, key: keyfob_store::KeyId, generation: u32) -> &SecretRecord {
    let known = &set.keys[&key];
    let mut secrets = known.record.secrets.iter().chain(&known.older);
    secrets
        .find(|secret| secret.generation == generation)
        .expect("a secret that was added to a key, or ended, stays with it")
}

impl<'w> NewKeys<'w> {
    /// Without its revocation: a key that was revoked in the transaction that made it is revoked as any
    /// other, when its secrets are in.
    fn push(&mut self, record: &'w KeyRecord, epoch: i64) {
        self.ids.push(uuid(record.id));
        self.organizations.push(record.organization.as_str());
        self.epochs.push(epoch);
        self.names.push(record.name.as_str());
        self.environments.push(record.environment.as_str());
        self.scopes.push(record.scopes.as_str());
        self.created_at.push(record.created_at.as_micros());
        self.created_by.push(record.created_by.as_str());
        self.expires_at.push(record.expires_at.map(Timestamp::as_micros));
    }
}

impl<'w> NewSecrets<'w> {
    fn push(&mut self, key: Uuid, secret: &'w SecretRecord) {
        self.hashes.push(secret.hash.as_bytes());
        self.keys.push(key);
        self.generations.push(i64::from(secret.generation));
        self.hints.push(secret.hint.as_str());
        self.created_at.push(secret.created_at.as_micros());
        self.retires_at.push(secret.retires_at.map(Timestamp::as_micros));
    }
}

impl<'w> KeyChanges<'w> {
    fn push(&mut self, record: &'w KeyRecord) {
        let (disabled, revocation) = match &record.state {
            KeyState::Active => (false, None),
            KeyState::Disabled => (true, None),
            KeyState::Revoked(revocation) => (false, Some(revocation)),
        };
        self.ids.push(uuid(record.id));
        self.names.push(record.name.as_str());
        self.scopes.push(record.scopes.as_str());
        self.expires_at.push(record.expires_at.map(Timestamp::as_micros));
        self.disabled.push(disabled);
        self.revoked_at.push(revocation.map(|revocation| revocation.at.as_micros()));
        self.revoked_by.push(revocation.map(|revocation| revocation.by.as_str()));
        let reason = revocation.and_then(|revocation| revocation.reason.as_ref());
        self.revoked_reason.push(reason.map(Reason::as_str));
    }
}

impl<'w> Events<'w> {
    fn push(&mut self, line: &'w LogLine) -> Result<(), StoreError> {
        let details = serde_json::to_string(&line.entry.details)
            .map_err(|error| StoreError::Internal(error.into()))?;
        self.positions.push(line.position);
        self.at.push(line.by.at.as_micros());
        self.organizations.push(line.organization.as_str());
        self.actions.push(line.entry.action.as_str());
        self.actors.push(line.by.author.actor.as_str());
        self.keys.push(line.key.map(uuid));
        self.requests.push(line.by.author.request_id.as_ref().map(RequestId::as_str));
        self.details.push(details);
        Ok(())
    }
}
