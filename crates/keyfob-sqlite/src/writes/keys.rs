use keyfob_store::{
    KeyId, KeyRecord, KeyState, Reason, Revocation, SecretRecord, StoreError, Timestamp,
};
use rusqlite::{Statement, params};

use crate::sqlite_error::store_error;

/// Writes records of keys.
pub(super) struct Keys<'c> {
    insert: Statement<'c>,
    insert_secret: Statement<'c>,
    update: Statement<'c>,
    retire_secret: Statement<'c>,
}

impl<'c> Keys<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            insert: prepare(
                "INSERT INTO {prefix}keys (id, organization, name, environment, scopes, \
                 created_at, created_by, expires_at, epoch) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce( \
                 (SELECT epoch FROM {prefix}organizations WHERE organization = ?2), 0))",
            )?,
            insert_secret: prepare(
                "INSERT INTO {prefix}secrets (hash, key, generation, hint, created_at, retires_at) \
                 VALUES (?1, (SELECT number FROM {prefix}keys WHERE id = ?2), ?3, ?4, ?5, ?6)",
            )?,
            update: prepare(
                "UPDATE {prefix}keys SET name = ?2, scopes = ?3, expires_at = ?4, disabled = ?5, \
                 revoked_at = ?6, revoked_by = ?7, revoked_reason = ?8 WHERE id = ?1",
            )?,
            retire_secret: prepare(
                "UPDATE {prefix}secrets SET retires_at = ?3 WHERE generation = ?2 \
                 AND key = (SELECT number FROM {prefix}keys WHERE id = ?1)",
            )?,
        })
    }

    pub(super) fn insert(&mut self, record: &KeyRecord) -> Result<(), StoreError> {
        let values = params![
            record.id.as_bytes(),
            record.organization.as_str(),
            record.name.as_str(),
            record.environment.as_str(),
            record.scopes.as_str(),
            record.created_at.as_micros(),
            record.created_by.as_str(),
            record.expires_at.map(Timestamp::as_micros),
        ];
        self.insert.execute(values).map_err(store_error)?;
        record.secrets.iter().try_for_each(|secret| self.insert_secret(record.id, secret))
    }

    /// Writes what a transition has changed.
    pub(super) fn update(
        &mut self,
        before: &KeyRecord,
        after: &KeyRecord,
    ) -> Result<(), StoreError> {
        // A use of a secret is noted elsewhere, so what is left of a record are its secrets.
        if (&before.name, &before.scopes, before.expires_at, &before.state)
            != (&after.name, &after.scopes, after.expires_at, &after.state)
        {
            self.update_key(after)?;
        }
        // The oldest first: it must have an end when another follows it.
        for secret in after.secrets.iter().rev() {
            let known = before.secrets.iter().find(|known| known.generation == secret.generation);
            match known {
                None => self.insert_secret(after.id, secret)?,
                Some(known) if known.retires_at != secret.retires_at => {
                    self.retire_secret(after.id, secret)?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn update_key(&mut self, record: &KeyRecord) -> Result<(), StoreError> {
        let (disabled, revocation) = match &record.state {
            KeyState::Active => (false, None),
            KeyState::Disabled => (true, None),
            KeyState::Revoked(revocation) => (false, Some(revocation)),
        };
        let values = params![
            record.id.as_bytes(),
            record.name.as_str(),
            record.scopes.as_str(),
            record.expires_at.map(Timestamp::as_micros),
            disabled,
            revocation.map(|revocation| revocation.at.as_micros()),
            revocation.map(|revocation| revocation.by.as_str()),
            revocation.and_then(reason),
        ];
        self.update.execute(values).map_err(store_error)?;
        Ok(())
    }

    fn insert_secret(&mut self, key: KeyId, secret: &SecretRecord) -> Result<(), StoreError> {
        let values = params![
            secret.hash.as_bytes(),
            key.as_bytes(),
            secret.generation,
            secret.hint.as_str(),
            secret.created_at.as_micros(),
            secret.retires_at.map(Timestamp::as_micros),
        ];
        self.insert_secret.execute(values).map_err(store_error)?;
        Ok(())
    }

    fn retire_secret(&mut self, key: KeyId, secret: &SecretRecord) -> Result<(), StoreError> {
        let retires_at = secret.retires_at.map(Timestamp::as_micros);
        let values = params![key.as_bytes(), secret.generation, retires_at];
        self.retire_secret.execute(values).map_err(store_error)?;
        Ok(())
    }
}

fn reason(revocation: &Revocation) -> Option<&str> {
    revocation.reason.as_ref().map(Reason::as_str)
}
