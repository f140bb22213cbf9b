use keyfob_store::{
    Attribution, FoundKey, KeyEdit, KeyHash, KeyId, KeyLimit, KeyRecord, NewKey, OrganizationId,
    Reason, Rotation, Switch,
};

use super::answer::Answer;
use super::reference::Reference;

/// The model that [`run_model`](crate::run_model) compares stores with, for tests of what is built
/// upon a store.
///
/// Each change answers with the key as it is after it, or with `None` when a store has to refuse
/// it, and then changes nothing. Usage and idempotency tokens have no part in it.
#[derive(Default)]
pub struct StoreModel(Reference);

impl StoreModel {
    /// [`KeyStore::insert`](keyfob_store::KeyStore::insert).
    pub fn insert(&mut self, key: &NewKey, limit: KeyLimit, by: &Attribution) -> Option<KeyRecord> {
        done(self.0.create(key, limit, by))
    }

    /// [`KeyStore::import`](keyfob_store::KeyStore::import).
    pub fn import(
        &mut self,
        keys: &[NewKey],
        limit: KeyLimit,
        by: &Attribution,
    ) -> Option<Vec<KeyRecord>> {
        self.0.import(keys, limit, by).into_iter().find_map(|answer| match answer {
            Answer::Imported(keys) => Some(keys),
            _ => None,
        })
    }

    /// [`KeyStore::rotate`](keyfob_store::KeyStore::rotate).
    pub fn rotate(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        rotation: &Rotation,
        by: &Attribution,
    ) -> Option<KeyRecord> {
        done(self.0.rotate(organization, key, rotation, by))
    }

    /// [`KeyStore::retire_old_secret`](keyfob_store::KeyStore::retire_old_secret).
    pub fn retire_old_secret(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        by: &Attribution,
    ) -> Option<KeyRecord> {
        done(self.0.retire(organization, key, by))
    }

    /// [`KeyStore::switch`](keyfob_store::KeyStore::switch).
    pub fn switch(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        to: Switch,
        by: &Attribution,
    ) -> Option<KeyRecord> {
        done(self.0.switch(organization, key, to, by))
    }

    /// [`KeyStore::edit`](keyfob_store::KeyStore::edit).
    pub fn edit(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        edit: &KeyEdit,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Option<KeyRecord> {
        done(self.0.edit(organization, key, edit, limit, by))
    }

    /// [`KeyStore::revoke`](keyfob_store::KeyStore::revoke).
    pub fn revoke(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<&Reason>,
        by: &Attribution,
    ) -> Option<KeyRecord> {
        done(self.0.revoke(organization, key, reason, by))
    }

    /// [`KeyStore::delete_organization`](keyfob_store::KeyStore::delete_organization).
    pub fn delete_organization(&mut self, organization: &OrganizationId, by: &Attribution) {
        self.0.delete(organization, by);
    }

    /// What [`KeyStore::find`](keyfob_store::KeyStore::find) answers for a hash.
    #[must_use]
    pub fn find(&self, hash: &KeyHash) -> Option<FoundKey> {
        self.0.find(hash)
    }
}

fn done(answers: Vec<Answer>) -> Option<KeyRecord> {
    answers.into_iter().find_map(|answer| match answer {
        Answer::Done(key) => Some(key),
        _ => None,
    })
}
