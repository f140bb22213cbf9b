use std::collections::{BTreeSet, HashMap};

use keyfob_store::{
    Action, Attribution, Committed, Conflict, Details, Event, FeedPosition, FoundKey, FoundKeys,
    FoundState, Idempotency, IdempotencyToken, ImportError, Issued, KeyEdit, KeyHash, KeyId,
    KeyLimit, KeyQuery, KeyRecord, LogEntry, NewKey, NodeReport, OrganizationId, Outcome, Page,
    Reason, Rotation, SecretRecord, StoreError, Switch, Timestamp, UsageBatch,
};

use crate::nodes::Nodes;
use crate::usage::Usage;

mod log;

/// All that a store holds. Every method is one transaction: it fails before it has written
/// anything, or not at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    keys: HashMap<KeyId, Key>,
    by_hash: HashMap<KeyHash, KeyId>,
    organizations: HashMap<OrganizationId, Organization>,
    /// The log. The first event is at position 1; those that name a key or delete an organization
    /// are the change feed.
    events: Vec<Event>,
    /// The mark of each event.
    marks: Vec<u128>,
    pub(crate) usage: Usage,
    pub(crate) nodes: Nodes,
}

#[derive(Clone, Debug)]
struct Key {
    record: KeyRecord,
    /// The secrets that the record does not hold any more, which stay retired.
    retired: Vec<SecretRecord>,
    /// Its organization is gone.
    deleted: bool,
}

#[derive(Clone, Debug, Default)]
struct Organization {
    keys: BTreeSet<KeyId>,
    tokens: HashMap<IdempotencyToken, (Idempotency, KeyId)>,
    /// What was logged before belongs to an organization of this id that was deleted.
    since: FeedPosition,
}

impl State {
    pub(crate) fn report_node(&mut self, report: NodeReport) -> Result<(), StoreError> {
        if !self.is_of_this_history(report.cursor) {
            return Err(StoreError::FeedLost);
        }
        self.nodes.report(report);
        Ok(())
    }

    pub(crate) fn insert(
        &mut self,
        key: NewKey,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        let asked = key.idempotency.clone();
        if let Some(made) = self.made_before(&key.organization, asked.as_ref(), by.at)? {
            return Ok(Issued::Replayed(made.clone()));
        }
        let committed = self.insert_new(key, limit, Action::KEY_CREATED, by)?;
        self.remember(asked, &committed.value);
        Ok(Issued::New(committed))
    }

    /// On a copy of everything, which takes the place of the original when all went well.
    pub(crate) fn import(
        &mut self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        let mut imported = self.clone();
        let mut records = Vec::with_capacity(keys.len());
        for (index, key) in keys.into_iter().enumerate() {
            let inserted = imported.insert_new(key, limit, Action::KEY_IMPORTED, by.clone());
            records.push(inserted.map_err(|error| ImportError { index, error })?.value);
        }
        *self = imported;
        Ok(Committed { value: records, position: self.end() })
    }

    fn insert_new(
        &mut self,
        key: NewKey,
        limit: KeyLimit,
        action: Action,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        if self.by_hash.contains_key(&key.secret.hash) {
            return Err(Conflict::DuplicateHash.into());
        }
        if self.keys.contains_key(&key.id) {
            return Err(Conflict::DuplicateId.into());
        }
        self.another_fits(&key.organization, limit, by.at)?;
        let record = key.into_record(&by);
        self.organizations.entry(record.organization.clone()).or_default().keys.insert(record.id);
        self.by_hash.extend(record.secrets.iter().map(|secret| (secret.hash, record.id)));
        let key = Key { record: record.clone(), retired: Vec::new(), deleted: false };
        self.keys.insert(record.id, key);
        let entry = LogEntry { action, details: record.created_details() };
        let position = self.log_key(&record, entry, by);
        Ok(Committed { value: record, position })
    }

    fn another_fits(
        &self,
        organization: &OrganizationId,
        limit: KeyLimit,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if limit == KeyLimit::Unlimited || limit.allows_another(self.keys_in_use(organization, at))
        {
            return Ok(());
        }
        Err(StoreError::LimitReached { limit })
    }

    fn remember(&mut self, asked: Option<Idempotency>, key: &KeyRecord) {
        if let Some(asked) = asked {
            let organization = self.organizations.entry(key.organization.clone()).or_default();
            organization.tokens.insert(asked.token.clone(), (asked, key.id));
        }
    }

    /// The key that the request's idempotency token made, if it did and is remembered.
    fn made_before(
        &self,
        organization: &OrganizationId,
        asked: Option<&Idempotency>,
        at: Timestamp,
    ) -> Result<Option<&KeyRecord>, Conflict> {
        let Some(asked) = asked else { return Ok(None) };
        let tokens = self.organizations.get(organization).map(|organization| &organization.tokens);
        match tokens.and_then(|tokens| tokens.get(&asked.token)) {
            Some((kept, _)) if kept.remembered_until < at => Ok(None),
            Some((kept, _)) if kept.fingerprint != asked.fingerprint => {
                Err(Conflict::IdempotencyMismatch)
            }
            Some((_, made)) => Ok(self.keys.get(made).map(|key| &key.record)),
            None => Ok(None),
        }
    }

    pub(crate) fn find(&self, hashes: &[KeyHash]) -> FoundKeys {
        let find = |hash| self.keys.get(self.by_hash.get(hash)?)?.found_by(hash);
        FoundKeys { position: self.end(), keys: hashes.iter().map(find).map(Ok).collect() }
    }

    pub(crate) fn get(
        &self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<&KeyRecord, StoreError> {
        let owned = self.keys.get(&key).filter(|key| key.is_of(organization));
        owned.map(|key| &key.record).ok_or(StoreError::NotFound)
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
        ids.into_iter().flatten().rev().filter_map(|id| Some(&self.keys.get(id)?.record))
    }

    pub(crate) fn rotate(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: &Rotation,
        by: Attribution,
    ) -> Result<Issued, StoreError> {
        let asked = rotation.idempotency.clone();
        if let Some(made) = self.made_before(organization, asked.as_ref(), by.at)? {
            return Ok(Issued::Replayed(made.clone()));
        }
        if self.by_hash.contains_key(&rotation.secret.hash) {
            self.get(organization, key)?;
            return Err(Conflict::DuplicateHash.into());
        }
        let before = self.get(organization, key)?.secrets.clone();
        let when = by.clone();
        let change = |record: &mut KeyRecord| record.rotate(rotation, &when).map(Some);
        let rotated = self.change(organization, key, by, change)?;
        self.by_hash.insert(rotation.secret.hash, key);
        if let Some(key) = self.keys.get_mut(&key) {
            key.retired.extend(before.into_iter().skip(1));
        }
        self.remember(asked, &rotated.value);
        Ok(Issued::New(rotated))
    }

    pub(crate) fn retire_old_secret(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let when = by.clone();
        self.change(organization, key, by, |record| record.retire_old_secret(&when))
    }

    pub(crate) fn switch(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        self.change(organization, key, by, |record| record.switch(to))
    }

    pub(crate) fn edit(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let mut edited = self.get(organization, key)?.clone();
        let held = edited.status(by.at).holds_slot();
        edited.edit(edit.clone())?;
        if !held && edited.status(by.at).holds_slot() {
            self.another_fits(organization, limit, by.at)?;
        }
        self.change(organization, key, by, |record| record.edit(edit))
    }

    pub(crate) fn revoke(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let when = by.clone();
        self.change(organization, key, by, |record| Ok(record.revoke(reason, &when)))
    }

    /// Changes a key by one of the transitions that all stores share, and logs what it says.
    fn change(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        by: Attribution,
        change: impl FnOnce(&mut KeyRecord) -> Result<Option<LogEntry>, Conflict>,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let key = self.keys.get_mut(&key).filter(|key| key.is_of(organization));
        let record = &mut key.ok_or(StoreError::NotFound)?.record;
        let entry = change(record)?;
        let value = record.clone();
        let position = match entry {
            Some(entry) => self.log_key(&value, entry, by),
            None => self.end(),
        };
        Ok(Committed { value, position })
    }

    pub(crate) fn delete_organization(
        &mut self,
        organization: &OrganizationId,
        by: Attribution,
    ) -> Committed<()> {
        let gone = self.organizations.remove(organization).unwrap_or_default();
        for key in &gone.keys {
            if let Some(key) = self.keys.get_mut(key) {
                key.deleted = true;
            }
        }
        self.usage.forget(&gone.keys);
        let action = Action::ORGANIZATION_DELETED;
        let deleted = self.log(organization.clone(), None, action, Details::new(), by);
        let position = deleted.position;
        self.organizations.entry(organization.clone()).or_default().since = position;
        Committed { value: (), position }
    }

    pub(crate) fn record_usage(&mut self, batch: &UsageBatch, now: Timestamp) {
        if !self.usage.begin(batch, now) {
            return;
        }
        for count in &batch.counts {
            let key = self.keys.get_mut(&count.key);
            let Some(key) = key.filter(|key| key.is_of(&count.organization)) else { continue };
            self.usage.add(count);
            if count.outcome == Outcome::Accepted {
                key.note_use(count.secret, count.last_at);
            }
        }
    }

    pub(crate) fn owns(&self, organization: &OrganizationId, key: KeyId) -> bool {
        self.keys.get(&key).is_some_and(|key| key.is_of(organization))
    }
}

impl Key {
    fn is_of(&self, organization: &OrganizationId) -> bool {
        !self.deleted && self.record.organization == *organization
    }

    fn note_use(&mut self, generation: u32, at: Timestamp) {
        let secrets = self.record.secrets.iter_mut().chain(&mut self.retired);
        for secret in secrets.filter(|secret| secret.generation == generation) {
            secret.last_used_at = secret.last_used_at.max(Some(at));
        }
    }

    fn hashes(&self) -> impl Iterator<Item = KeyHash> {
        self.record.secrets.iter().chain(&self.retired).map(|secret| secret.hash)
    }

    fn found_by(&self, hash: &KeyHash) -> Option<FoundKey> {
        let found = self.record.found_by(hash).or_else(|| {
            let secret = self.retired.iter().find(|secret| secret.hash == *hash)?;
            Some(FoundKey {
                secret: secret.generation,
                retires_at: secret.retires_at,
                ..self.record.found_by(&self.record.secrets.first()?.hash)?
            })
        })?;
        let state = if self.deleted { FoundState::OrganizationDeleted } else { found.state };
        Some(FoundKey { state, ..found })
    }
}
