//! What a database can be asked, each by one statement, which is one snapshot.

use keyfob_store::{
    Event, EventQuery, FeedPosition, KeyId, KeyQuery, KeyRecord, NodeReport, OrganizationId, Page,
    StoreError, Timestamp, UsageQuery, UsageRow,
};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::SchemaName;
use crate::database::Database;
use crate::rows::{self, KEY_RECORD, NODE_REPORT, SECRET_RECORD};

pub(crate) mod feed;
pub(crate) mod lists;
pub(crate) mod log;
pub(crate) mod lookup;
pub(crate) mod slots;
pub(crate) mod usage;

/// The statements of all reads but lookups and the feed, with the name of the schema in them.
pub(crate) struct Reads {
    get: String,
    lists: lists::Lists,
    keys_in_use: String,
    log: log::Log,
    usage: usage::Usage,
    nodes: String,
}

impl Reads {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self {
            get: schema.apply(&get_sql()),
            lists: lists::Lists::new(schema),
            keys_in_use: schema.apply(&slots::sql()),
            log: log::Log::new(schema),
            usage: usage::Usage::new(schema),
            nodes: schema.apply(&format!("SELECT {NODE_REPORT} FROM {{schema}}.nodes ORDER BY id")),
        }
    }

    pub(crate) async fn get(
        &self,
        database: &Database,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        let values: [crate::database::Value<'_>; 2] =
            [(&organization.as_str(), Type::TEXT), (&uuid(key), Type::UUID)];
        let rows = database.read(&self.get, &values).await?;
        rows::key_records(&rows)?.pop().ok_or(StoreError::NotFound)
    }

    pub(crate) async fn list(
        &self,
        database: &Database,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        self.lists.read(database, organization, query, at).await
    }

    pub(crate) async fn keys_in_use(
        &self,
        database: &Database,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let values: [crate::database::Value<'_>; 2] =
            [(&organization.as_str(), Type::TEXT), (&at.as_micros(), Type::INT8)];
        let rows = database.read(&self.keys_in_use, &values).await?;
        let row = rows.first().ok_or_else(|| StoreError::corrupt("a count without a row"))?;
        rows::number(row, 0, "keys")
    }

    pub(crate) async fn usage(
        &self,
        database: &Database,
        organization: &OrganizationId,
        query: &UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.usage.read(database, organization, query).await
    }

    pub(crate) async fn events(
        &self,
        database: &Database,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        self.log.read(database, organization, query).await
    }

    pub(crate) async fn nodes(&self, database: &Database) -> Result<Vec<NodeReport>, StoreError> {
        database.read(&self.nodes, &[]).await?.iter().map(rows::node_report).collect()
    }
}

/// The epoch of the organization `$1`: what bears another is of one that was deleted.
pub(crate) const EPOCH: &str =
    "coalesce((SELECT o.epoch FROM {schema}.organizations o WHERE o.organization = $1), 0)";

pub(crate) fn get_sql() -> String {
    let secrets = newest_secrets("k.id");
    format!(
        "SELECT {KEY_RECORD}, s.hash, s.hint, s.created_at, s.retires_at, s.used_at, s.generation \
         FROM {{schema}}.keys k LEFT JOIN LATERAL ({secrets}) s ON true \
         WHERE k.id = $2 AND k.organization = $1 AND k.epoch = {EPOCH} \
         ORDER BY s.generation DESC"
    )
}

/// The secret in use, and the one before it.
pub(crate) fn newest_secrets(key: &str) -> String {
    format!(
        "SELECT {SECRET_RECORD} FROM {{schema}}.secrets s \
         LEFT JOIN {{schema}}.last_uses u ON u.key = s.key AND u.secret = s.generation \
         WHERE s.key = {key} ORDER BY s.generation DESC LIMIT 2"
    )
}

pub(crate) fn uuid(key: KeyId) -> Uuid {
    Uuid::from_bytes(*key.as_bytes())
}

/// A position as PostgreSQL counts. What is beyond its numbers is beyond every event.
pub(crate) fn to_number(position: FeedPosition) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}
