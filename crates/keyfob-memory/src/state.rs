use std::collections::{BTreeSet, HashMap};

use keyfob_store::{
    Action, Attribution, Change, Changes, Committed, Conflict, Details, Event, EventQuery,
    FeedPosition, FoundKeys, Idempotency, IdempotencyToken, Inserted, KeyHash, KeyId, KeyLimit,
    KeyQuery, KeyRecord, KeyState, NewEvent, NewKey, OrganizationId, Page, Reason, Revocation,
    StoreError, Timestamp,
};

/// All that a store holds. Every method is one transaction: it fails before it has written
/// anything, or not at all.
#[derive(Debug, Default)]
pub(crate) struct State {
    keys: HashMap<KeyId, KeyRecord>,
    by_hash: HashMap<KeyHash, KeyId>,
    organizations: HashMap<OrganizationId, Organization>,
    /// The log. The first event is at position 1; those that name a key are the change feed.
    events: Vec<Event>,
}

#[derive(Debug, Default)]
struct Organization {
    keys: BTreeSet<KeyId>,
    tokens: HashMap<IdempotencyToken, (Idempotency, KeyId)>,
}

impl State {
    pub(crate) fn insert(
        &mut self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Inserted, StoreError> {
        if let Some(made) = self.made_before(&key, by.at)? {
            return Ok(Inserted::Replayed(made.clone()));
        }
        if self.by_hash.contains_key(&key.secret.hash) {
            return Err(Conflict::DuplicateHash.into());
        }
        if self.keys.contains_key(&key.id) {
            return Err(Conflict::DuplicateId.into());
        }
        if limit != KeyLimit::Unlimited
            && !limit.allows_another(self.keys_in_use(&key.organization, by.at))
        {
            return Err(StoreError::LimitReached { limit });
        }

        let idempotency = key.idempotency.clone();
        let record = key.into_record(&by);
        let organization = self.organizations.entry(record.organization.clone()).or_default();
        organization.keys.insert(record.id);
        if let Some(idempotency) = idempotency {
            organization.tokens.insert(idempotency.token.clone(), (idempotency, record.id));
        }
        self.by_hash.extend(record.secrets.iter().map(|secret| (secret.hash, record.id)));
        self.keys.insert(record.id, record.clone());
        let position = self.log_key(Action::KEY_CREATED, &record, record.created_details(), by);
        Ok(Inserted::Created(Committed { value: record, position }))
    }

    /// The key that the request's idempotency token made, if it did and is remembered.
    fn made_before(&self, key: &NewKey, at: Timestamp) -> Result<Option<&KeyRecord>, Conflict> {
        let Some(asked) = &key.idempotency else { return Ok(None) };
        match self
            .organizations
            .get(&key.organization)
            .and_then(|organization| organization.tokens.get(&asked.token))
        {
            Some((kept, _)) if kept.remembered_until < at => Ok(None),
            Some((kept, _)) if kept.fingerprint != asked.fingerprint => {
                Err(Conflict::IdempotencyMismatch)
            }
            Some((_, made)) => Ok(self.keys.get(made)),
            None => Ok(None),
        }
    }

    pub(crate) fn find(&self, hashes: &[KeyHash]) -> FoundKeys {
        let find = |hash| self.keys.get(self.by_hash.get(hash)?)?.found_by(hash);
        FoundKeys { position: self.end(), keys: hashes.iter().map(find).collect() }
    }

    pub(crate) fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<&KeyRecord, StoreError> {
        self.keys
            .get(&key)
            .filter(|key| key.organization == *organization)
            .ok_or(StoreError::NotFound)
    }

    pub(crate) fn list(
        &self,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Page<KeyRecord, KeyId> {
        let items = self
            .keys_of(organization)
            .filter(|key| query.after.is_none_or(|after| key.id < after))
            .filter(|key| query.status.is_none_or(|status| key.status(at) == status))
            .filter(|key| query.environment.is_none_or(|only| key.environment == only))
            .take(usize::from(query.size.get()) + 1)
            .cloned()
            .collect();
        Page::of_read_ahead(items, query.size, |last| last.id)
    }

    pub(crate) fn keys_in_use(&self, organization: &OrganizationId, at: Timestamp) -> u64 {
        self.keys_of(organization).map(|key| u64::from(key.status(at).holds_slot())).sum()
    }

    /// Newest first.
    fn keys_of(&self, organization: &OrganizationId) -> impl Iterator<Item = &KeyRecord> {
        let ids = self.organizations.get(organization).map(|organization| &organization.keys);
        ids.into_iter().flatten().rev().filter_map(|id| self.keys.get(id))
    }

    pub(crate) fn revoke(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let end = self.end();
        let record = self
            .keys
            .get_mut(&key)
            .filter(|key| key.organization == *organization)
            .ok_or(StoreError::NotFound)?;
        if matches!(record.state, KeyState::Revoked(_)) {
            return Ok(Committed { value: record.clone(), position: end });
        }
        let revocation = Revocation::new(reason, &by);
        let details = revocation.details();
        record.state = KeyState::Revoked(revocation);
        let value = record.clone();
        let position = self.log_key(Action::KEY_REVOKED, &value, details, by);
        Ok(Committed { value, position })
    }

    pub(crate) fn append_event(&mut self, event: NewEvent, by: Attribution) -> Event {
        let NewEvent { organization, action, details } = event;
        self.log(organization, None, action, details, by).clone()
    }

    fn log_key(
        &mut self,
        action: Action,
        key: &KeyRecord,
        details: Details,
        by: Attribution,
    ) -> FeedPosition {
        self.log(key.organization.clone(), Some(key.id), action, details, by).position
    }

    fn log(
        &mut self,
        organization: OrganizationId,
        key: Option<KeyId>,
        action: Action,
        details: Details,
        by: Attribution,
    ) -> &Event {
        let position = FeedPosition::new(self.end().get() + 1);
        self.events.push(Event {
            position,
            at: by.at,
            action,
            actor: by.author.actor,
            organization,
            key,
            request_id: by.author.request_id,
            details,
        });
        self.events.last().expect("an event was just pushed")
    }

    pub(crate) fn events(
        &self,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Page<Event, FeedPosition> {
        let items = self
            .events
            .iter()
            .rev()
            .filter(|event| event.organization == *organization)
            .filter(|event| query.after.is_none_or(|after| event.position < after))
            .filter(|event| query.key.is_none_or(|key| event.key == Some(key)))
            .filter(|event| query.actor.as_ref().is_none_or(|actor| event.actor == *actor))
            .filter(|event| query.action.as_ref().is_none_or(|action| event.action == *action))
            .take(usize::from(query.size.get()) + 1)
            .cloned()
            .collect();
        Page::of_read_ahead(items, query.size, |last| last.position)
    }

    /// The position of the last event.
    pub(crate) fn end(&self) -> FeedPosition {
        FeedPosition::new(self.events.len() as u64)
    }

    pub(crate) fn changes(&self, after: FeedPosition, limit: usize) -> Result<Changes, StoreError> {
        let unread = usize::try_from(after.get())
            .ok()
            .and_then(|after| self.events.get(after..))
            .ok_or(StoreError::FeedLost)?;
        let mut told = Changes { changes: Vec::new(), reached: after, complete: true };
        for event in unread {
            if let Some(key) = event.key {
                if told.changes.len() == limit {
                    told.complete = false;
                    break;
                }
                let hashes = self.keys.get(&key).map_or_else(Vec::new, |key| {
                    key.secrets.iter().map(|secret| secret.hash).collect()
                });
                told.changes.push(Change { position: event.position, key, hashes });
            }
            told.reached = event.position;
        }
        Ok(told)
    }
}
