use keyfob_store::{
    Environment, KeyId, KeyQuery, KeyRecord, KeyStatus, OrganizationId, Page, StoreError, Timestamp,
};
use tokio_postgres::types::Type;

use super::{EPOCH, newest_secrets, uuid};
use crate::SchemaName;
use crate::database::{Database, Value};
use crate::rows::{self, KEY_RECORD};

/// Lists of an organization's keys: one statement for each status, and one for all.
pub(crate) struct Lists([String; 5]);

impl Lists {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self(
            [
                None,
                Some(KeyStatus::Active),
                Some(KeyStatus::Disabled),
                Some(KeyStatus::Expired),
                Some(KeyStatus::Revoked),
            ]
            .map(|status| schema.apply(&sql(status))),
        )
    }

    pub(crate) async fn read(
        &self,
        database: &Database,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        let sql = &self.0[match query.status {
            None => 0,
            Some(KeyStatus::Active) => 1,
            Some(KeyStatus::Disabled) => 2,
            Some(KeyStatus::Expired) => 3,
            Some(KeyStatus::Revoked) => 4,
        }];
        let values: [Value<'_>; 5] = [
            (&organization.as_str(), Type::TEXT),
            (&query.after.map(uuid), Type::UUID),
            (&query.environment.map(Environment::as_str), Type::TEXT),
            (&(i64::from(query.size.get()) + 1), Type::INT8),
            (&at.as_micros(), Type::INT8),
        ];
        let rows = database.read(sql, &values).await?;
        let keys = rows::key_records(&rows)?;
        Ok(Page::of_read_ahead(keys, query.size, |last| last.id))
    }
}

/// The filter is written out for each status, because a partial index is used only where the text of the
/// query implies the index's own condition. `$5` is named in each, so that all have the same values.
pub(crate) fn sql(status: Option<KeyStatus>) -> String {
    let filter = match status {
        None => "AND $5::bigint IS NOT NULL",
        Some(KeyStatus::Active) => {
            "AND revoked_at IS NULL AND NOT disabled AND (expires_at IS NULL OR expires_at > $5)"
        }
        Some(KeyStatus::Disabled) => {
            "AND revoked_at IS NULL AND disabled AND (expires_at IS NULL OR expires_at > $5)"
        }
        Some(KeyStatus::Expired) => "AND revoked_at IS NULL AND expires_at <= $5",
        Some(KeyStatus::Revoked) => "AND revoked_at IS NOT NULL AND $5::bigint IS NOT NULL",
    };
    let secrets = newest_secrets("k.id");
    format!(
        "SELECT {KEY_RECORD}, s.hash, s.hint, s.created_at, s.retires_at, s.used_at, s.generation \
         FROM (SELECT * FROM {{schema}}.keys WHERE organization = $1 AND epoch = {EPOCH} \
         AND ($2::uuid IS NULL OR id < $2) AND ($3::text IS NULL OR environment = $3) {filter} \
         ORDER BY organization DESC, epoch DESC, id DESC LIMIT $4) k \
         LEFT JOIN LATERAL ({secrets}) s ON true ORDER BY k.id DESC, s.generation DESC"
    )
}
