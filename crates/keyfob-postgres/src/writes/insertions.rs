//! New keys: one at a time, or an import of many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyfob_store::{
    Action, Attribution, Committed, Issued, KeyLimit, KeyRecord, NewKey, StoreError,
};

use super::needs::Needs;
use super::request::{Operation, Sharing};
use super::working_set::WorkingSet;

pub(crate) struct Insert {
    pub(crate) key: NewKey,
    pub(crate) limit: KeyLimit,
    pub(crate) by: Attribution,
}

impl Operation for Insert {
    type Answer = Issued;

    fn needs(&self, needs: &mut Needs) {
        needs_of(&self.key, self.limit, &self.by, needs);
        if let Some(asked) = &self.key.idempotency {
            needs.token(&self.key.organization, asked);
        }
    }

    fn decide(&self, set: &mut WorkingSet) -> Result<Issued, StoreError> {
        let Self { key, limit, by } = self;
        if let Some(asked) = &key.idempotency
            && let Some(made) = set.recall(&key.organization, asked, by.at)?
        {
            return Ok(Issued::Replayed(made));
        }
        set.check_new(&key.secret.hash, key.id)?;
        set.check_room(&key.organization, *limit, by.at)?;
        let record = key.clone().into_record(by);
        let position = set.insert(&record, Action::KEY_CREATED, by);
        if let Some(asked) = &key.idempotency {
            set.remember(&record, asked, by.at);
        }
        Ok(Issued::New(Committed { value: record, position }))
    }
}

/// On an error, what was inserted until then is not written: nothing else is in the transaction.
pub(crate) struct Import {
    pub(crate) keys: Vec<NewKey>,
    pub(crate) limit: KeyLimit,
    pub(crate) by: Attribution,
    /// Which key it was that failed.
    pub(crate) failed: Arc<AtomicUsize>,
}

impl Operation for Import {
    type Answer = Committed<Vec<KeyRecord>>;

    const SHARES: Sharing = Sharing::AloneAndLong;

    fn needs(&self, needs: &mut Needs) {
        for key in &self.keys {
            needs_of(key, self.limit, &self.by, needs);
        }
    }

    fn decide(&self, set: &mut WorkingSet) -> Result<Self::Answer, StoreError> {
        let mut records = Vec::with_capacity(self.keys.len());
        for (index, key) in self.keys.iter().enumerate() {
            let checked = set
                .check_new(&key.secret.hash, key.id)
                .map_err(StoreError::from)
                .and_then(|()| set.check_room(&key.organization, self.limit, self.by.at));
            if let Err(error) = checked {
                self.failed.store(index, Ordering::Relaxed);
                return Err(error);
            }
            let record = key.clone().into_record(&self.by);
            set.insert(&record, Action::KEY_IMPORTED, &self.by);
            records.push(record);
        }
        Ok(Committed { value: records, position: set.position() })
    }
}

fn needs_of(key: &NewKey, limit: KeyLimit, by: &Attribution, needs: &mut Needs) {
    needs.key(&key.organization, key.id, by.at);
    needs.hash(key.secret.hash);
    needs.room(&key.organization, limit, by.at);
}
