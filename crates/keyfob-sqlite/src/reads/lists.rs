use keyfob_store::{KeyQuery, KeyStatus, OrganizationId, StoreError, Timestamp};
use rusqlite::{Statement, ToSql};

use super::{EPOCH, all};
use crate::rows::{self, NUMBERED_KEY, NumberedKey};

/// Lists of an organization's keys: one statement for each status, and one for all.
pub(super) struct Lists<'c>([Statement<'c>; 5]);

impl<'c> Lists<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self([
            prepare(&sql(None))?,
            prepare(&sql(Some(KeyStatus::Active)))?,
            prepare(&sql(Some(KeyStatus::Disabled)))?,
            prepare(&sql(Some(KeyStatus::Expired)))?,
            prepare(&sql(Some(KeyStatus::Revoked)))?,
        ]))
    }

    /// The keys of a page and one more, without their secrets.
    pub(super) fn read(
        &mut self,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Result<Vec<NumberedKey>, StoreError> {
        let statement = &mut self.0[match query.status {
            None => 0,
            Some(KeyStatus::Active) => 1,
            Some(KeyStatus::Disabled) => 2,
            Some(KeyStatus::Expired) => 3,
            Some(KeyStatus::Revoked) => 4,
        }];
        let after = query.after.as_ref().map_or(BEHIND_ALL, |after| after.as_bytes());
        let values: [&dyn ToSql; 5] = [
            &organization.as_str(),
            &after,
            &query.environment.map(keyfob_store::Environment::as_str),
            &(i64::from(query.size.get()) + 1),
            &at.as_micros(),
        ];
        // Statements that judge by no time have one parameter less.
        let values = &values[..statement.parameter_count()];
        all(statement, values, rows::numbered_key)
    }
}

/// Longer than any id, so it sorts behind them all.
const BEHIND_ALL: &[u8] = &[0xff; 17];

/// The filter is written out for each status, because SQLite uses a partial index only where the
/// text of the query implies the index's own condition.
pub(super) fn sql(status: Option<KeyStatus>) -> String {
    let filter = match status {
        None => "",
        Some(KeyStatus::Active) => {
            "AND revoked_at IS NULL AND disabled = 0 AND (expires_at IS NULL OR expires_at > ?5)"
        }
        Some(KeyStatus::Disabled) => {
            "AND revoked_at IS NULL AND disabled = 1 AND (expires_at IS NULL OR expires_at > ?5)"
        }
        Some(KeyStatus::Expired) => "AND revoked_at IS NULL AND +expires_at <= ?5",
        Some(KeyStatus::Revoked) => "AND revoked_at IS NOT NULL",
    };
    format!(
        "SELECT {NUMBERED_KEY} FROM {{prefix}}keys WHERE organization = ?1 AND epoch = {EPOCH} \
         AND id < ?2 AND (?3 IS NULL OR environment = ?3) {filter} ORDER BY id DESC LIMIT ?4"
    )
}
