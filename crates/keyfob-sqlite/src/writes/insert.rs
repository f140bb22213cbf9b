//! New keys: one at a time, or an import of many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use keyfob_store::{
    Action, Attribution, Committed, Conflict, ImportError, Issued, KeyLimit, KeyRecord, LogEntry,
    NewKey, OrganizationId, StoreError, Timestamp,
};

use super::Writes;

impl Writes<'_> {
    pub(crate) fn insert(
        &mut self,
        key: NewKey,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Result<Issued, StoreError> {
        let asked = key.idempotency.clone();
        if let Some(asked) = &asked
            && let Some(made) = self.tokens.recall(&key.organization, asked, by.at)?
        {
            return Ok(Issued::Replayed(self.reads.get(&key.organization, made)?));
        }
        self.check_new(&key)?;
        self.check_room(&key.organization, limit, by.at)?;
        let committed = self.insert_new(key, Action::KEY_CREATED, by)?;
        if let Some(asked) = &asked {
            self.tokens.remember(&committed.value, asked, by.at)?;
        }
        Ok(Issued::New(committed))
    }

    /// On an error, what was inserted until then is for the caller to undo.
    pub(crate) fn import(
        &mut self,
        keys: Vec<NewKey>,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Result<Committed<Vec<KeyRecord>>, ImportError> {
        // Counted once for each organization: to count for each key takes the square of the time.
        let mut in_use = HashMap::new();
        let mut records = Vec::with_capacity(keys.len());
        for (index, key) in keys.into_iter().enumerate() {
            let inserted = self.import_one(key, limit, &mut in_use, by);
            records.push(inserted.map_err(|error| ImportError { index, error })?);
        }
        let position = self.end().map_err(|error| ImportError { index: 0, error })?;
        Ok(Committed { value: records, position })
    }

    fn import_one(
        &mut self,
        key: NewKey,
        limit: KeyLimit,
        in_use: &mut HashMap<OrganizationId, u64>,
        by: &Attribution,
    ) -> Result<KeyRecord, StoreError> {
        self.check_new(&key)?;
        let in_use = match in_use.entry(key.organization.clone()) {
            Entry::Occupied(counted) => counted.into_mut(),
            Entry::Vacant(empty) => {
                let counted = self.reads.keys_in_use_within(limit, empty.key(), by.at)?;
                empty.insert(counted)
            }
        };
        if !limit.allows_another(*in_use) {
            return Err(StoreError::LimitReached { limit });
        }
        let record = self.insert_new(key, Action::KEY_IMPORTED, by)?.value;
        *in_use += u64::from(record.status(by.at).holds_slot());
        Ok(record)
    }

    fn check_new(&mut self, key: &NewKey) -> Result<(), StoreError> {
        if self.reads.has_secret(&key.secret.hash)? {
            return Err(Conflict::DuplicateHash.into());
        }
        if self.reads.has_key(key.id)? {
            return Err(Conflict::DuplicateId.into());
        }
        Ok(())
    }

    /// That the organization may hold one more key.
    pub(super) fn check_room(
        &mut self,
        organization: &OrganizationId,
        limit: KeyLimit,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let in_use = self.reads.keys_in_use_within(limit, organization, at)?;
        if limit.allows_another(in_use) { Ok(()) } else { Err(StoreError::LimitReached { limit }) }
    }

    fn insert_new(
        &mut self,
        key: NewKey,
        action: Action,
        by: &Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let record = key.into_record(by);
        self.keys.insert(&record)?;
        let entry = LogEntry { action, details: record.created_details() };
        let position = self.log_key(&record, &entry, by)?;
        Ok(Committed { value: record, position })
    }
}
