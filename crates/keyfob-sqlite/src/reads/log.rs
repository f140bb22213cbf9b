use keyfob_store::{
    Event, EventQuery, FeedPosition, History, KeyId, OrganizationId, Page, StoreError,
};
use rusqlite::{Statement, params};

use super::{EPOCH, all, to_number};
use crate::rows::{self, EVENT};

/// The log: as an organization reads it, from its last deletion on, or all of it.
pub(super) struct Log<'c> {
    of_organization: Statement<'c>,
    of_key: Statement<'c>,
}

impl<'c> Log<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            of_organization: prepare(&sql(OF_ORGANIZATION))?,
            of_key: prepare(&sql(OF_KEY))?,
        })
    }

    pub(super) fn read(
        &mut self,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        let statement =
            if query.key.is_some() { &mut self.of_key } else { &mut self.of_organization };
        let values = params![
            organization.as_str(),
            query.after.map_or(i64::MAX, to_number),
            query.key.as_ref().map(KeyId::as_bytes),
            query.actor.as_ref().map(keyfob_store::Actor::as_str),
            query.action.as_ref().map(keyfob_store::Action::as_str),
            i64::from(query.size.get()) + 1,
            query.history == History::WithDeleted,
        ];
        let events = all(statement, values, rows::event)?;
        Ok(Page::of_read_ahead(events, query.size, |last| last.position))
    }
}

pub(super) const OF_ORGANIZATION: &str = "organization = ?1 AND ?3 IS NULL";

/// The plus keeps SQLite from the other index: a key has fewer events than its organization.
pub(super) const OF_KEY: &str = "key = ?3 AND +organization = ?1";

pub(super) fn sql(whose: &str) -> String {
    format!(
        "SELECT {EVENT} FROM {{prefix}}events WHERE {whose} \
         AND position > CASE WHEN ?7 THEN 0 ELSE {EPOCH} END AND position < ?2 \
         AND (?4 IS NULL OR actor = ?4) AND (?5 IS NULL OR action = ?5) \
         ORDER BY position DESC LIMIT ?6"
    )
}
