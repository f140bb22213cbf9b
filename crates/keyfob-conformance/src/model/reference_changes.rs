//! The reference: what each write has to answer, and what it changes.

use keyfob_store::{
    Attribution, Conflict, Idempotency, KeyEdit, KeyHash, KeyHint, KeyId, KeyLimit, KeyRecord,
    KeyState, NewKey, OrganizationId, Reason, Revocation, Rotation, SecretRecord, Switch,
    Timestamp,
};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::reference::{Change, Key, NOT_FOUND, Reference, Token};

impl Reference {
    pub(crate) fn create(
        &mut self,
        key: &NewKey,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Vec<Answer> {
        let owner = &key.organization;
        if let Some(answer) = self.replay(owner, key.idempotency.as_ref(), by.at) {
            return vec![answer];
        }
        let refusals = self.refusals(key, limit, by.at);
        if !refusals.is_empty() {
            return refusals.into_iter().map(Answer::Refused).collect();
        }
        self.add(key, "key.created", by);
        self.remember(owner, key.idempotency.as_ref(), key.id);
        vec![Answer::Done(self.record(key.id))]
    }

    pub(crate) fn import(
        &mut self,
        keys: &[NewKey],
        limit: KeyLimit,
        by: &Attribution,
    ) -> Vec<Answer> {
        let before = (self.keys.len(), self.log.len(), self.feed.len());
        for (index, key) in keys.iter().enumerate() {
            let refusals = self.refusals(key, limit, by.at);
            if !refusals.is_empty() {
                self.keys.truncate(before.0);
                self.log.truncate(before.1);
                self.feed.truncate(before.2);
                let refused = |refusal| Answer::ImportRefused(index, refusal);
                return refusals.into_iter().map(refused).collect();
            }
            self.add(key, "key.imported", by);
        }
        vec![Answer::Imported(keys.iter().map(|key| self.record(key.id)).collect())]
    }

    /// Every reason not to add a key. A store may name any of them.
    fn refusals(&self, key: &NewKey, limit: KeyLimit, at: Timestamp) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        if self.knows(&key.secret.hash) {
            refusals.push(Refusal::Conflict(Conflict::DuplicateHash));
        }
        if self.keys.iter().any(|known| known.made.id == key.id) {
            refusals.push(Refusal::Conflict(Conflict::DuplicateId));
        }
        refusals.extend(self.fullness(&key.organization, limit, at));
        refusals
    }

    fn knows(&self, hash: &KeyHash) -> bool {
        self.keys.iter().flat_map(|key| &key.secrets).any(|secret| secret.hash == *hash)
    }

    fn fullness(&self, owner: &OrganizationId, limit: KeyLimit, at: Timestamp) -> Option<Refusal> {
        match limit {
            KeyLimit::AtMost(most) if self.in_use(owner, at) >= most => {
                Some(Refusal::LimitReached(limit))
            }
            _ => None,
        }
    }

    fn add(&mut self, key: &NewKey, action: &str, by: &Attribution) {
        let first = secret(1, key.secret.hash, key.secret.hint, by.at);
        self.keys.push(Key {
            made: key.clone(),
            life: self.life(&key.organization),
            by: by.clone(),
            edit: KeyEdit::default(),
            state: KeyState::Active,
            secrets: vec![first],
        });
        let details = json!({
            "name": key.name.as_str(),
            "environment": key.environment.as_str(),
            "scopes": key.scopes.iter().collect::<Vec<_>>(),
            "expires_at": key.expires_at.map(Timestamp::as_micros),
        });
        self.log_key(key.id, action, details, by);
    }

    pub(crate) fn rotate(
        &mut self,
        owner: &OrganizationId,
        id: KeyId,
        rotation: &Rotation,
        by: &Attribution,
    ) -> Vec<Answer> {
        let replayed = self.replay(owner, rotation.idempotency.as_ref(), by.at);
        let Some(place) = self.place(owner, id) else {
            return replayed.into_iter().chain([NOT_FOUND]).collect();
        };
        if let Some(answer) = replayed {
            return vec![answer];
        }
        let mut conflicts = Vec::new();
        if self.knows(&rotation.secret.hash) {
            conflicts.push(Conflict::DuplicateHash);
        }
        let key = &mut self.keys[place];
        conflicts.extend(key.is_revoked().then_some(Conflict::Revoked));
        let expiry = key.expires_at().filter(|expiry| *expiry <= by.at);
        conflicts.extend(expiry.map(|since| Conflict::Expired { since }));
        conflicts.extend(key.overlap(by.at).map(|until| Conflict::StillRotating { until }));
        if !conflicts.is_empty() {
            let refused = |conflict| Answer::Refused(Refusal::Conflict(conflict));
            return conflicts.into_iter().map(refused).collect();
        }
        let ends = if rotation.overlap_ends > by.at { rotation.overlap_ends } else { by.at };
        let ends = key.expires_at().map_or(ends, |expiry| ends.min(expiry));
        if let Some(old) = key.secrets.last_mut() {
            old.retires_at = Some(ends);
        }
        let generation = u32::try_from(key.secrets.len()).unwrap_or(u32::MAX) + 1;
        key.secrets.push(secret(generation, rotation.secret.hash, rotation.secret.hint, by.at));
        let details = json!({ "generation": generation, "overlap_ends": ends.as_micros() });
        self.log_key(id, "key.rotated", details, by);
        self.remember(owner, rotation.idempotency.as_ref(), id);
        vec![Answer::Done(self.record(id))]
    }

    pub(crate) fn retire(
        &mut self,
        owner: &OrganizationId,
        id: KeyId,
        by: &Attribution,
    ) -> Vec<Answer> {
        self.change(owner, id, by, |key| {
            key.overlap(by.at)?;
            let old = key.secrets.iter_mut().rev().nth(1)?;
            old.retires_at = Some(by.at);
            Some(("key.retired", json!({ "generation": old.generation })))
        })
    }

    pub(crate) fn switch(
        &mut self,
        owner: &OrganizationId,
        id: KeyId,
        to: Switch,
        by: &Attribution,
    ) -> Vec<Answer> {
        self.change(owner, id, by, |key| match (to, &key.state) {
            (Switch::On, KeyState::Disabled) => {
                key.state = KeyState::Active;
                Some(("key.enabled", json!({})))
            }
            (Switch::Off, KeyState::Active) => {
                key.state = KeyState::Disabled;
                Some(("key.disabled", json!({})))
            }
            _ => None,
        })
    }

    pub(crate) fn edit(
        &mut self,
        owner: &OrganizationId,
        id: KeyId,
        edit: &KeyEdit,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Vec<Answer> {
        let full = self.fullness(owner, limit, by.at);
        if let Some(place) = self.place(owner, id) {
            let key = &self.keys[place];
            let after = edit.expires_at.unwrap_or(key.expires_at());
            let revives = !key.is_live(by.at) && after.is_none_or(|expiry| expiry > by.at);
            if let Some(refusal) = full.filter(|_| revives && !key.is_revoked()) {
                return vec![Answer::Refused(refusal)];
            }
        }
        self.change(owner, id, by, |key| {
            let before = key.record();
            let new = edit.clone();
            key.edit = KeyEdit {
                name: new.name.or(key.edit.name.take()),
                scopes: new.scopes.or(key.edit.scopes.take()),
                expires_at: new.expires_at.or(key.edit.expires_at),
            };
            let after = key.record();
            let text = |key: &KeyRecord| {
                [
                    ("name", json!(key.name.as_str())),
                    ("scopes", json!(key.scopes.iter().collect::<Vec<_>>())),
                    ("expires_at", json!(key.expires_at.map(Timestamp::as_micros))),
                ]
            };
            let details: serde_json::Map<_, _> = text(&before)
                .into_iter()
                .zip(text(&after))
                .filter(|(from, to)| from != to)
                .map(|((what, from), (_, to))| (what.to_owned(), json!({ "from": from, "to": to })))
                .collect();
            (!details.is_empty()).then_some(("key.edited", details.into()))
        })
    }

    pub(crate) fn revoke(
        &mut self,
        owner: &OrganizationId,
        id: KeyId,
        reason: Option<&Reason>,
        by: &Attribution,
    ) -> Vec<Answer> {
        if self.place(owner, id).is_some_and(|place| self.keys[place].is_revoked()) {
            return vec![Answer::Done(self.record(id))];
        }
        self.change(owner, id, by, |key| {
            let by_whom = by.author.actor.clone();
            let reason = reason.cloned();
            let details = json!({ "reason": reason.as_ref().map(Reason::as_str) });
            key.state = KeyState::Revoked(Revocation { at: by.at, by: by_whom, reason });
            Some(("key.revoked", details))
        })
    }

    fn change(
        &mut self,
        owner: &OrganizationId,
        id: KeyId,
        by: &Attribution,
        change: impl FnOnce(&mut Key) -> Option<(&'static str, Value)>,
    ) -> Vec<Answer> {
        let Some(place) = self.place(owner, id) else { return vec![NOT_FOUND] };
        let key = &mut self.keys[place];
        if key.is_revoked() {
            return vec![Answer::Refused(Refusal::Conflict(Conflict::Revoked))];
        }
        if let Some((action, details)) = change(key) {
            self.log_key(id, action, details, by);
        }
        vec![Answer::Done(self.record(id))]
    }

    pub(crate) fn delete(&mut self, owner: &OrganizationId, by: &Attribution) -> Vec<Answer> {
        self.log(owner, None, "organization.deleted", json!({}), by);
        let gone = self.keys_of(owner).map(|key| key.made.id).collect();
        self.usage.forget(&gone);
        *self.lives.entry(owner.clone()).or_default() += 1;
        self.feed.push(Change::Organization(owner.clone()));
        vec![Answer::Deleted]
    }

    fn replay(
        &self,
        owner: &OrganizationId,
        asked: Option<&Idempotency>,
        at: Timestamp,
    ) -> Option<Answer> {
        let token = self.token(owner, asked)?;
        if token.idempotency.remembered_until < at {
            return None;
        }
        if token.idempotency.fingerprint == asked?.fingerprint {
            return Some(Answer::Replayed(self.record(token.key)));
        }
        Some(Answer::Refused(Refusal::Conflict(Conflict::IdempotencyMismatch)))
    }

    fn remember(&mut self, owner: &OrganizationId, asked: Option<&Idempotency>, key: KeyId) {
        if let Some(idempotency) = asked.cloned() {
            let text = idempotency.token.as_str().to_owned();
            let token = Token { idempotency, key, doubtful: false };
            self.tokens.insert((owner.clone(), self.life(owner), text), token);
        }
    }
}

fn secret(generation: u32, hash: KeyHash, hint: KeyHint, created_at: Timestamp) -> SecretRecord {
    SecretRecord { generation, hash, hint, created_at, retires_at: None, last_used_at: None }
}
