//! Changes of a key that exists. What each may do is said once, in keyfob-store, for every store.

use keyfob_store::{
    Attribution, Committed, Conflict, Issued, KeyEdit, KeyId, KeyLimit, KeyRecord, LogEntry,
    OrganizationId, Reason, Rotation, StoreError, Switch,
};

use super::Writes;

impl Writes<'_> {
    pub(crate) fn rotate(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: &Rotation,
        by: &Attribution,
    ) -> Result<Issued, StoreError> {
        if let Some(asked) = &rotation.idempotency
            && let Some(made) = self.tokens.recall(organization, asked, by.at)?
        {
            return Ok(Issued::Replayed(self.reads.get(organization, made)?));
        }
        let record = self.reads.get(organization, key)?;
        if self.reads.has_secret(&rotation.secret.hash)? {
            return Err(Conflict::DuplicateHash.into());
        }
        let rotated = self.change(record, by, |record| record.rotate(rotation, by).map(Some))?;
        if let Some(asked) = &rotation.idempotency {
            self.tokens.remember(&rotated.value, asked, by.at)?;
        }
        Ok(Issued::New(rotated))
    }

    pub(crate) fn retire_old_secret(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        by: &Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let record = self.reads.get(organization, key)?;
        self.change(record, by, |record| record.retire_old_secret(by))
    }

    pub(crate) fn switch(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: &Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let record = self.reads.get(organization, key)?;
        self.change(record, by, |record| record.switch(to))
    }

    pub(crate) fn edit(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        edit: KeyEdit,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let record = self.reads.get(organization, key)?;
        let mut edited = record.clone();
        edited.edit(edit.clone())?;
        if !record.status(by.at).holds_slot() && edited.status(by.at).holds_slot() {
            self.check_room(organization, limit, by.at)?;
        }
        self.change(record, by, |record| record.edit(edit))
    }

    pub(crate) fn revoke(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: &Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let record = self.reads.get(organization, key)?;
        self.change(record, by, |record| Ok(record.revoke(reason, by)))
    }

    /// Writes what a transition makes of the record, and logs what it says of that.
    fn change(
        &mut self,
        mut record: KeyRecord,
        by: &Attribution,
        change: impl FnOnce(&mut KeyRecord) -> Result<Option<LogEntry>, Conflict>,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let before = record.clone();
        let position = match change(&mut record)? {
            Some(entry) => {
                self.keys.update(&before, &record)?;
                self.log_key(&record, &entry, by)?
            }
            None => self.end()?,
        };
        Ok(Committed { value: record, position })
    }
}
