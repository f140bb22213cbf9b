use std::collections::{HashMap, HashSet};

use keyfob_store::{
    Action, Attribution, Conflict, Details, FeedPosition, Idempotency, IdempotencyToken, KeyHash,
    KeyId, KeyLimit, KeyRecord, KeyState, LogEntry, OrganizationId, SecretRecord, StoreError,
    Timestamp,
};

use super::difference::{Difference, FeedEntry, LogLine};
use super::slots::Slots;

/// What the requests of a transaction are decided on: all that they name, as it is under the lock, changed by
/// those that were decided before. Nothing of it is in the database until the whole is written.
#[derive(Default)]
pub(crate) struct WorkingSet {
    /// The end of the log.
    pub(crate) end: i64,
    pub(crate) epochs: HashMap<OrganizationId, i64>,
    pub(crate) keys: HashMap<KeyId, KnownKey>,
    /// Of the hashes that are named, those that exist.
    pub(crate) hashes: HashSet<KeyHash>,
    pub(crate) tokens: HashMap<(OrganizationId, IdempotencyToken), KnownToken>,
    pub(crate) slots: HashMap<OrganizationId, Slots>,
    pub(crate) difference: Difference,
}

/// A key, and what its record does not show.
#[derive(Clone, Debug)]
pub(crate) struct KnownKey {
    pub(crate) epoch: i64,
    pub(crate) record: KeyRecord,
    /// Secrets older than the two that the record shows, as far as the feed may have to name them.
    pub(crate) older: Vec<SecretRecord>,
}

#[derive(Clone, Debug)]
pub(crate) struct KnownToken {
    pub(crate) fingerprint: [u8; 32],
    pub(crate) key: KeyId,
    pub(crate) remembered_until: Timestamp,
}

impl WorkingSet {
    /// The key, if it is of this organization.
    pub(crate) fn key(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<&KeyRecord, StoreError> {
        let epoch = self.epoch(organization);
        let known = self
            .keys
            .get(&key)
            .filter(|known| known.record.organization == *organization && known.epoch == epoch);
        known.map(|known| &known.record).ok_or(StoreError::NotFound)
    }

    /// That neither the hash nor the id of a new key exists, of whichever organization.
    pub(crate) fn check_new(&self, hash: &KeyHash, id: KeyId) -> Result<(), Conflict> {
        if self.hashes.contains(hash) {
            Err(Conflict::DuplicateHash)
        } else if self.keys.contains_key(&id) {
            Err(Conflict::DuplicateId)
        } else {
            Ok(())
        }
    }

    /// That the organization may hold one more key.
    pub(crate) fn check_room(
        &self,
        organization: &OrganizationId,
        limit: KeyLimit,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let in_use = self.slots.get(organization).map_or(0, |slots| slots.in_use(at));
        if limit.allows_another(in_use) { Ok(()) } else { Err(StoreError::LimitReached { limit }) }
    }

    /// The key that a request was about, if it was made before and is remembered.
    pub(crate) fn recall(
        &self,
        organization: &OrganizationId,
        asked: &Idempotency,
        at: Timestamp,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let Some(kept) = self.tokens.get(&(organization.clone(), asked.token.clone())) else {
            return Ok(None);
        };
        // A token is as old as its key, and gone with its organization.
        let Ok(record) = self.key(organization, kept.key) else { return Ok(None) };
        if kept.remembered_until < at {
            Ok(None)
        } else if kept.fingerprint == asked.fingerprint {
            Ok(Some(record.clone()))
        } else {
            Err(Conflict::IdempotencyMismatch.into())
        }
    }

    pub(crate) fn remember(&mut self, record: &KeyRecord, asked: &Idempotency, at: Timestamp) {
        let name = (record.organization.clone(), asked.token.clone());
        self.difference.forget_tokens(&record.organization, at);
        self.difference.tokens.insert(name.clone());
        let kept = KnownToken {
            fingerprint: asked.fingerprint,
            key: record.id,
            remembered_until: asked.remembered_until,
        };
        self.tokens.insert(name, kept);
    }

    /// Adds a key that was checked to be new.
    pub(crate) fn insert(
        &mut self,
        record: &KeyRecord,
        action: Action,
        by: &Attribution,
    ) -> FeedPosition {
        if record.status(by.at).holds_slot()
            && let Some(slots) = self.slots.get_mut(&record.organization)
        {
            slots.take(record.expires_at);
        }
        for secret in &record.secrets {
            self.hashes.insert(secret.hash);
            self.difference.new_secrets.push((record.id, secret.generation));
        }
        self.difference.new_keys.push(record.id);
        let epoch = self.epoch(&record.organization);
        let known = KnownKey { epoch, record: record.clone(), older: Vec::new() };
        self.keys.insert(record.id, known);
        let entry = LogEntry { action, details: record.created_details() };
        self.log_key(record, entry, by)
    }

    /// Puts what a transition made of a record in its place, and logs what it says of that.
    pub(crate) fn change(
        &mut self,
        after: &KeyRecord,
        entry: LogEntry,
        by: &Attribution,
    ) -> FeedPosition {
        let known = self.keys.get_mut(&after.id).expect("only a key that was read is changed");
        let before = std::mem::replace(&mut known.record, after.clone());
        if (&before.name, &before.scopes, before.expires_at, &before.state)
            != (&after.name, &after.scopes, after.expires_at, &after.state)
        {
            self.difference.changed_keys.insert(after.id);
        }
        for secret in &after.secrets {
            let old = before.secrets.iter().find(|old| old.generation == secret.generation);
            match old {
                None => {
                    self.hashes.insert(secret.hash);
                    self.difference.new_secrets.push((after.id, secret.generation));
                }
                Some(old) if old.retires_at != secret.retires_at => {
                    self.difference.retired_secrets.insert((after.id, secret.generation));
                }
                Some(_) => {}
            }
        }
        let is_shown =
            |generation| after.secrets.iter().any(|shown| shown.generation == generation);
        known.older.extend(before.secrets.iter().filter(|old| !is_shown(old.generation)).cloned());
        let slot = |record: &KeyRecord| is_unrevoked(record).then_some(record.expires_at);
        let (had, has) = (slot(&before), slot(after));
        if had != has
            && let Some(slots) = self.slots.get_mut(&after.organization)
        {
            had.inspect(|expiry| slots.free(*expiry));
            has.inspect(|expiry| slots.take(*expiry));
        }
        self.log_key(after, entry, by)
    }

    /// Ends everything that the organization has: see [`Sharing::Alone`](super::request::Sharing).
    pub(crate) fn delete_organization(
        &mut self,
        organization: &OrganizationId,
        by: &Attribution,
    ) -> FeedPosition {
        let entry = LogEntry { action: Action::ORGANIZATION_DELETED, details: Details::new() };
        let position = self.log(organization, None, entry, by);
        self.difference.feed.push(FeedEntry {
            position: self.end,
            key: None,
            organization: organization.clone(),
            hashes: Vec::new(),
        });
        self.difference.deleted.push((organization.clone(), self.end));
        position
    }

    /// Appends to the log, and to nothing else.
    pub(crate) fn log(
        &mut self,
        organization: &OrganizationId,
        key: Option<KeyId>,
        entry: LogEntry,
        by: &Attribution,
    ) -> FeedPosition {
        self.end += 1;
        self.difference.events.push(LogLine {
            position: self.end,
            organization: organization.clone(),
            key,
            entry,
            by: by.clone(),
        });
        self.position()
    }

    /// The end of the feed, with all that was decided until now.
    pub(crate) fn position(&self) -> FeedPosition {
        FeedPosition::new(self.end.cast_unsigned())
    }

    fn log_key(&mut self, key: &KeyRecord, entry: LogEntry, by: &Attribution) -> FeedPosition {
        let position = self.log(&key.organization, Some(key.id), entry, by);
        let known = &self.keys[&key.id];
        let hashes = known.record.secrets.iter().chain(&known.older);
        self.difference.feed.push(FeedEntry {
            position: self.end,
            key: Some(key.id),
            organization: key.organization.clone(),
            hashes: hashes
                .filter(|secret| may_be_remembered(secret, by.at))
                .flat_map(|secret| *secret.hash.as_bytes())
                .collect(),
        });
        position
    }

    pub(crate) fn epoch(&self, organization: &OrganizationId) -> i64 {
        self.epochs.get(organization).copied().unwrap_or(0)
    }
}

/// Whether a cache may still hold the secret: it has not retired longer than a day before.
fn may_be_remembered(secret: &SecretRecord, at: Timestamp) -> bool {
    let a_day_before = Timestamp::from_micros(at.as_micros().saturating_sub(DAY));
    secret.retires_at.is_none_or(|end| end > a_day_before)
}

/// In microseconds.
pub(crate) const DAY: i64 = 86_400_000_000;

fn is_unrevoked(record: &KeyRecord) -> bool {
    !matches!(record.state, KeyState::Revoked(_))
}
