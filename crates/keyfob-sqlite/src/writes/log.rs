use keyfob_store::{
    Action, Attribution, Details, FeedPosition, KeyId, OrganizationId, RequestId, StoreError,
};
use rusqlite::{Connection, Statement, params};

use crate::sqlite_error::store_error;

/// Appends to the log, which is the change feed too.
pub(super) struct Log<'c> {
    connection: &'c Connection,
    append: Statement<'c>,
}

impl<'c> Log<'c> {
    pub(super) fn prepare(
        connection: &'c Connection,
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            append: prepare(
                "INSERT INTO {prefix}events (at, organization, action, actor, key, request_id, \
                 details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
        })
    }

    pub(super) fn append(
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
            by.author.request_id.as_ref().map(RequestId::as_str),
            details,
        ];
        self.append.execute(values).map_err(store_error)?;
        u64::try_from(self.connection.last_insert_rowid())
            .map(FeedPosition::new)
            .map_err(|_| StoreError::corrupt("a position of the log below 1"))
    }
}
