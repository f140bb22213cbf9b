use keyfob_store::{
    Conflict, Idempotency, KeyId, KeyRecord, OrganizationId, StoreError, Timestamp,
};
use rusqlite::{OptionalExtension, Statement, params};

use crate::reads::EPOCH;
use crate::sqlite_error::store_error;

/// The idempotency tokens of requests, and the key that each was about.
pub(super) struct Tokens<'c> {
    recall: Statement<'c>,
    remember: Statement<'c>,
    forget: Statement<'c>,
}

impl<'c> Tokens<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            // A token is as old as its key, and gone with its organization.
            recall: prepare(&format!(
                "SELECT i.key, i.fingerprint FROM {{prefix}}idempotency i \
                 CROSS JOIN {{prefix}}keys k ON k.id = i.key WHERE i.organization = ?1 \
                 AND i.token = ?2 AND i.remembered_until >= ?3 AND +k.epoch = {EPOCH}"
            ))?,
            remember: prepare(
                "INSERT OR REPLACE INTO {prefix}idempotency \
                 (organization, token, fingerprint, key, remembered_until) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            forget: prepare(
                "DELETE FROM {prefix}idempotency WHERE (organization, token) IN ( \
                 SELECT organization, token FROM {prefix}idempotency \
                 WHERE organization = ?1 AND remembered_until < ?2 LIMIT 16)",
            )?,
        })
    }

    /// The key that the request was about, if it was made before and is remembered.
    pub(super) fn recall(
        &mut self,
        organization: &OrganizationId,
        asked: &Idempotency,
        at: Timestamp,
    ) -> Result<Option<KeyId>, StoreError> {
        let values = params![organization.as_str(), asked.token.as_str(), at.as_micros()];
        let kept = self
            .recall
            .query_row(values, |row| Ok((row.get(0)?, row.get::<_, [u8; 32]>(1)?)))
            .optional()
            .map_err(store_error)?;
        match kept {
            Some((_, fingerprint)) if fingerprint != asked.fingerprint => {
                Err(Conflict::IdempotencyMismatch.into())
            }
            Some((key, _)) => Ok(Some(KeyId::from_bytes(key))),
            None => Ok(None),
        }
    }

    /// Remembers one token and forgets a few of the same organization that have had their time, so
    /// that what is kept stays in proportion to what is remembered.
    pub(super) fn remember(
        &mut self,
        record: &KeyRecord,
        idempotency: &Idempotency,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let organization = record.organization.as_str();
        self.forget.execute(params![organization, at.as_micros()]).map_err(store_error)?;
        let values = params![
            organization,
            idempotency.token.as_str(),
            idempotency.fingerprint,
            record.id.as_bytes(),
            idempotency.remembered_until.as_micros(),
        ];
        self.remember.execute(values).map_err(store_error)?;
        Ok(())
    }
}
