//! Changes of a key that exists. What each may do is said once, in keyfob-store, for every store.

use keyfob_store::{
    Attribution, Committed, Conflict, Issued, KeyEdit, KeyId, KeyLimit, KeyRecord, LogEntry,
    OrganizationId, Reason, Rotation, StoreError, Switch,
};

use super::needs::Needs;
use super::request::Operation;
use super::working_set::WorkingSet;

/// Which key is changed, and by whom.
pub(crate) struct Target {
    pub(crate) organization: OrganizationId,
    pub(crate) key: KeyId,
    pub(crate) by: Attribution,
}

impl Target {
    fn needs(&self, needs: &mut Needs) {
        needs.key(&self.organization, self.key, self.by.at);
    }

    /// Puts down what a transition makes of the record.
    fn change(
        &self,
        set: &mut WorkingSet,
        change: impl FnOnce(&mut KeyRecord) -> Result<Option<LogEntry>, Conflict>,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let mut record = set.key(&self.organization, self.key)?.clone();
        let position = match change(&mut record)? {
            Some(entry) => set.change(&record, entry, &self.by),
            None => set.position(),
        };
        Ok(Committed { value: record, position })
    }
}

pub(crate) struct Rotate(pub(crate) Target, pub(crate) Rotation);

impl Operation for Rotate {
    type Answer = Issued;

    fn needs(&self, needs: &mut Needs) {
        let Self(target, rotation) = self;
        target.needs(needs);
        needs.hash(rotation.secret.hash);
        if let Some(asked) = &rotation.idempotency {
            needs.token(&target.organization, asked);
        }
    }

    fn decide(&self, set: &mut WorkingSet) -> Result<Issued, StoreError> {
        let Self(target, rotation) = self;
        let by = &target.by;
        if let Some(asked) = &rotation.idempotency
            && let Some(made) = set.recall(&target.organization, asked, by.at)?
        {
            return Ok(Issued::Replayed(made));
        }
        set.key(&target.organization, target.key)?;
        if set.hashes.contains(&rotation.secret.hash) {
            return Err(Conflict::DuplicateHash.into());
        }
        let rotated = target.change(set, |record| record.rotate(rotation, by).map(Some))?;
        if let Some(asked) = &rotation.idempotency {
            set.remember(&rotated.value, asked, by.at);
        }
        Ok(Issued::New(rotated))
    }
}

pub(crate) struct RetireOldSecret(pub(crate) Target);

impl Operation for RetireOldSecret {
    type Answer = Committed<KeyRecord>;

    fn needs(&self, needs: &mut Needs) {
        self.0.needs(needs);
    }

    fn decide(&self, set: &mut WorkingSet) -> Result<Self::Answer, StoreError> {
        self.0.change(set, |record| record.retire_old_secret(&self.0.by))
    }
}

pub(crate) struct SwitchKey(pub(crate) Target, pub(crate) Switch);

impl Operation for SwitchKey {
    type Answer = Committed<KeyRecord>;

    fn needs(&self, needs: &mut Needs) {
        self.0.needs(needs);
    }

    fn decide(&self, set: &mut WorkingSet) -> Result<Self::Answer, StoreError> {
        self.0.change(set, |record| record.switch(self.1))
    }
}

pub(crate) struct Edit(pub(crate) Target, pub(crate) KeyEdit, pub(crate) KeyLimit);

impl Operation for Edit {
    type Answer = Committed<KeyRecord>;

    fn needs(&self, needs: &mut Needs) {
        let Self(target, edit, limit) = self;
        target.needs(needs);
        if edit.expires_at.is_some() {
            needs.room(&target.organization, *limit, target.by.at);
        }
    }

    fn decide(&self, set: &mut WorkingSet) -> Result<Self::Answer, StoreError> {
        let Self(target, edit, limit) = self;
        let at = target.by.at;
        let record = set.key(&target.organization, target.key)?;
        let mut edited = record.clone();
        edited.edit(edit.clone())?;
        if !record.status(at).holds_slot() && edited.status(at).holds_slot() {
            set.check_room(&target.organization, *limit, at)?;
        }
        target.change(set, |record| record.edit(edit.clone()))
    }
}

pub(crate) struct Revoke(pub(crate) Target, pub(crate) Option<Reason>);

impl Operation for Revoke {
    type Answer = Committed<KeyRecord>;

    fn needs(&self, needs: &mut Needs) {
        self.0.needs(needs);
    }

    fn decide(&self, set: &mut WorkingSet) -> Result<Self::Answer, StoreError> {
        self.0.change(set, |record| Ok(record.revoke(self.1.clone(), &self.0.by)))
    }
}
