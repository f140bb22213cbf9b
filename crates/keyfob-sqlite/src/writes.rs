use keyfob_store::{
    Action, Attribution, Committed, Conflict, Details, Event, FeedPosition, Idempotency, Inserted,
    KeyId, KeyLimit, KeyRecord, KeyState, NewEvent, NewKey, OrganizationId, Reason, Revocation,
    StoreError, Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::TablePrefix;
use crate::reads::Reads;
use crate::sqlite_error::store_error;

/// What a transaction that holds the write lock can do. What has been counted or looked up in it
/// stays true until it ends, so each rule is checked first and written after.
pub(crate) struct Writes<'c> {
    connection: &'c Connection,
    reads: Reads<'c>,
    insert_key: Statement<'c>,
    insert_secret: Statement<'c>,
    revoke: Statement<'c>,
    log: Statement<'c>,
    recall: Statement<'c>,
    remember: Statement<'c>,
    forget: Statement<'c>,
}

impl<'c> Writes<'c> {
    pub(crate) fn prepare(
        connection: &'c Connection,
        prefix: &TablePrefix,
    ) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| connection.prepare(&prefix.apply(sql));
        Ok(Self {
            connection,
            reads: Reads::prepare(connection, prefix)?,
            insert_key: prepare(
                "INSERT INTO {prefix}keys (id, organization, name, environment, scopes, \
                 created_at, created_by, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            insert_secret: prepare(
                "INSERT INTO {prefix}secrets (hash, key, generation, hint, created_at, retires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            revoke: prepare(
                "UPDATE {prefix}keys SET revoked_at = ?2, revoked_by = ?3, revoked_reason = ?4 \
                 WHERE id = ?1 AND revoked_at IS NULL",
            )?,
            log: prepare(
                "INSERT INTO {prefix}events (at, organization, action, actor, key, request_id, \
                 details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            recall: prepare(
                "SELECT key, fingerprint FROM {prefix}idempotency \
                 WHERE organization = ?1 AND token = ?2 AND remembered_until >= ?3",
            )?,
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

    #[cfg(test)]
    pub(crate) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// The end of the feed, what this transaction appended included.
    pub(crate) fn end(&mut self) -> Result<FeedPosition, StoreError> {
        self.reads.end()
    }

    pub(crate) fn insert(
        &mut self,
        key: NewKey,
        limit: KeyLimit,
        by: &Attribution,
    ) -> Result<Inserted, StoreError> {
        if let Some(asked) = &key.idempotency
            && let Some(made) = self.made_before(&key.organization, asked, by.at)?
        {
            return Ok(Inserted::Replayed(self.reads.get(&key.organization, made)?));
        }
        if self.reads.has_secret(&key.secret.hash)? {
            return Err(Conflict::DuplicateHash.into());
        }
        if self.reads.has_key(key.id)? {
            return Err(Conflict::DuplicateId.into());
        }
        if !self.reads.has_room(&key.organization, limit, by.at)? {
            return Err(StoreError::LimitReached { limit });
        }
        let idempotency = key.idempotency.clone();
        let record = key.into_record(by);
        self.insert_record(&record).map_err(store_error)?;
        if let Some(idempotency) = idempotency {
            self.remember(&record, &idempotency, by.at).map_err(store_error)?;
        }
        let position =
            self.log_key(&record, &Action::KEY_CREATED, &record.created_details(), by)?;
        Ok(Inserted::Created(Committed { value: record, position }))
    }

    /// The key that the token made, if it did and is remembered.
    fn made_before(
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

    fn insert_record(&mut self, record: &KeyRecord) -> rusqlite::Result<()> {
        self.insert_key.execute(params![
            record.id.as_bytes(),
            record.organization.as_str(),
            record.name.as_str(),
            record.environment.as_str(),
            record.scopes.as_str(),
            record.created_at.as_micros(),
            record.created_by.as_str(),
            record.expires_at.map(Timestamp::as_micros),
        ])?;
        // The newest secret comes first in a record, and has the greatest generation.
        for (generation, secret) in (1_i64..).zip(record.secrets.iter().rev()) {
            self.insert_secret.execute(params![
                secret.hash.as_bytes(),
                record.id.as_bytes(),
                generation,
                secret.hint.as_str(),
                secret.created_at.as_micros(),
                secret.retires_at.map(Timestamp::as_micros),
            ])?;
        }
        Ok(())
    }

    /// Remembers one token and forgets a few of the same organization that have had their time, so
    /// that what is kept stays in proportion to what is remembered.
    fn remember(
        &mut self,
        record: &KeyRecord,
        idempotency: &Idempotency,
        at: Timestamp,
    ) -> rusqlite::Result<()> {
        let organization = record.organization.as_str();
        self.forget.execute(params![organization, at.as_micros()])?;
        self.remember.execute(params![
            organization,
            idempotency.token.as_str(),
            idempotency.fingerprint,
            record.id.as_bytes(),
            idempotency.remembered_until.as_micros(),
        ])?;
        Ok(())
    }

    pub(crate) fn revoke(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
        reason: Option<Reason>,
        by: &Attribution,
    ) -> Result<Committed<KeyRecord>, StoreError> {
        let mut record = self.reads.get(organization, key)?;
        if matches!(record.state, KeyState::Revoked(_)) {
            return Ok(Committed { value: record, position: self.end()? });
        }
        let revocation = Revocation::new(reason, by);
        let values = params![
            key.as_bytes(),
            revocation.at.as_micros(),
            revocation.by.as_str(),
            revocation.reason.as_ref().map(Reason::as_str),
        ];
        self.revoke.execute(values).map_err(store_error)?;
        let position = self.log_key(&record, &Action::KEY_REVOKED, &revocation.details(), by)?;
        record.state = KeyState::Revoked(revocation);
        Ok(Committed { value: record, position })
    }

    pub(crate) fn append_event(
        &mut self,
        event: NewEvent,
        by: Attribution,
    ) -> Result<Event, StoreError> {
        let NewEvent { organization, action, details } = event;
        let position = self.log(&organization, None, &action, &details, &by)?;
        Ok(Event {
            position,
            at: by.at,
            action,
            actor: by.author.actor,
            organization,
            key: None,
            request_id: by.author.request_id,
            details,
        })
    }

    fn log_key(
        &mut self,
        key: &KeyRecord,
        action: &Action,
        details: &Details,
        by: &Attribution,
    ) -> Result<FeedPosition, StoreError> {
        self.log(&key.organization, Some(key.id), action, details, by)
    }

    fn log(
        &mut self,
        organization: &OrganizationId,
        key: Option<KeyId>,
        action: &Action,
        details: &Details,
        by: &Attribution,
    ) -> Result<FeedPosition, StoreError> {
        let details =
            serde_json::to_string(details).map_err(|error| StoreError::Internal(error.into()))?;
        let values = params![
            by.at.as_micros(),
            organization.as_str(),
            action.as_str(),
            by.author.actor.as_str(),
            key.as_ref().map(KeyId::as_bytes),
            by.author.request_id.as_ref().map(keyfob_store::RequestId::as_str),
            details,
        ];
        self.log.execute(values).map_err(store_error)?;
        u64::try_from(self.connection.last_insert_rowid())
            .map(FeedPosition::new)
            .map_err(|_| StoreError::corrupt("a position of the log below 1"))
    }
}
