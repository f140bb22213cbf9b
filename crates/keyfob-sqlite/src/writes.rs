use keyfob_store::{
    Action, Attribution, Details, Event, FeedPosition, KeyRecord, LogEntry, NewEvent,
    OrganizationId, StoreError,
};
use rusqlite::{Connection, Statement};

use crate::TablePrefix;
use crate::reads::Reads;

mod change;
mod insert;
mod keys;
mod log;
mod nodes;
mod organizations;
mod tokens;
mod usage;

use keys::Keys;
use log::Log;
use nodes::Nodes;
use tokens::Tokens;
use usage::Usage;

/// What a transaction that holds the write lock can do. What has been counted or looked up in it
/// stays true until it ends, so each rule is checked first and written after.
pub(crate) struct Writes<'c> {
    #[cfg(test)]
    connection: &'c Connection,
    reads: Reads<'c>,
    keys: Keys<'c>,
    tokens: Tokens<'c>,
    log: Log<'c>,
    delete_organization: Statement<'c>,
    usage: Usage<'c>,
    nodes: Nodes<'c>,
}

impl<'c> Writes<'c> {
    pub(crate) fn prepare(
        connection: &'c Connection,
        prefix: &TablePrefix,
    ) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| connection.prepare(&prefix.apply(sql));
        Ok(Self {
            #[cfg(test)]
            connection,
            reads: Reads::prepare(connection, prefix)?,
            keys: Keys::prepare(prepare)?,
            tokens: Tokens::prepare(prepare)?,
            log: Log::prepare(connection, prepare)?,
            delete_organization: prepare(organizations::DELETE)?,
            usage: Usage::prepare(prepare)?,
            nodes: Nodes::prepare(prepare)?,
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

    pub(crate) fn append_event(
        &mut self,
        event: NewEvent,
        by: Attribution,
    ) -> Result<Event, StoreError> {
        let NewEvent { organization, action, details } = event;
        let position = self.log.append(&organization, None, &action, &details, &by)?;
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
        entry: &LogEntry,
        by: &Attribution,
    ) -> Result<FeedPosition, StoreError> {
        let LogEntry { action, details } = entry;
        self.log.append(&key.organization, Some(key.id), action, details, by)
    }

    fn log_organization(
        &mut self,
        organization: &OrganizationId,
        action: &Action,
        by: &Attribution,
    ) -> Result<FeedPosition, StoreError> {
        self.log.append(organization, None, action, &Details::new(), by)
    }
}

#[cfg(test)]
mod tests;
