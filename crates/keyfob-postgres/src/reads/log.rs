use keyfob_store::{
    Action, Actor, Event, EventQuery, FeedPosition, History, OrganizationId, Page, StoreError,
};
use tokio_postgres::types::Type;

use super::{EPOCH, to_number, uuid};
use crate::SchemaName;
use crate::database::{Database, Value};
use crate::rows::{self, EVENT};

/// The log: as an organization reads it, from its last deletion on, or all of it.
pub(crate) struct Log {
    of_organization: String,
    of_key: String,
}

impl Log {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self {
            of_organization: schema.apply(&sql(OF_ORGANIZATION)),
            of_key: schema.apply(&sql(OF_KEY)),
        }
    }

    pub(crate) async fn read(
        &self,
        database: &Database,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        let sql = if query.key.is_some() { &self.of_key } else { &self.of_organization };
        let values: [Value<'_>; 7] = [
            (&organization.as_str(), Type::TEXT),
            (&query.after.map_or(i64::MAX, to_number), Type::INT8),
            (&query.key.map(uuid), Type::UUID),
            (&query.actor.as_ref().map(Actor::as_str), Type::TEXT),
            (&query.action.as_ref().map(Action::as_str), Type::TEXT),
            (&(i64::from(query.size.get()) + 1), Type::INT8),
            (&(query.history == History::WithDeleted), Type::BOOL),
        ];
        let rows = database.read(sql, &values).await?;
        let events = rows.iter().map(rows::event).collect::<Result<_, _>>()?;
        Ok(Page::of_read_ahead(events, query.size, |last| last.position))
    }
}

pub(crate) const OF_ORGANIZATION: &str = "organization = $1 AND $3::uuid IS NULL";

/// By the index of keys, whose order the sum keeps the planner in: a key has fewer events than its organization.
pub(crate) const OF_KEY: &str = "key = $3 AND organization || '' = $1";

pub(crate) fn sql(whose: &str) -> String {
    format!(
        "SELECT {EVENT} FROM {{schema}}.events WHERE {whose} \
         AND position > CASE WHEN $7 THEN 0 ELSE {EPOCH} END AND position < $2 \
         AND ($4::text IS NULL OR actor = $4) AND ($5::text IS NULL OR action = $5) \
         ORDER BY {} DESC, position DESC LIMIT $6",
        if whose == OF_KEY { "key" } else { "organization" }
    )
}
