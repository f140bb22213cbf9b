use keyfob_store::{OrganizationId, StoreError, Timestamp};
use rusqlite::{Statement, params};

use super::{EPOCH, first};
use crate::sqlite_error::store_error;

/// Counts the keys that hold a slot of their organization's plan.
pub(super) struct Slots<'c>(Statement<'c>);

impl<'c> Slots<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self(prepare(&sql())?))
    }

    /// How many there are, or `most` (or a little more) if they are more than that.
    pub(super) fn count(
        &mut self,
        organization: &OrganizationId,
        at: Timestamp,
        most: u64,
    ) -> Result<u64, StoreError> {
        let far_enough = i64::try_from(most).unwrap_or(i64::MAX);
        let values = params![organization.as_str(), at.as_micros(), far_enough];
        let count = first(&mut self.0, values, |row| row.get(0).map_err(store_error))?;
        Ok(count.and_then(|count: i64| u64::try_from(count).ok()).unwrap_or(0))
    }
}

/// Keys that hold a slot: those that never expire, and those that have yet to. Both are ranges of
/// one index, and neither is followed further than `?3`.
pub(super) fn sql() -> String {
    let count = |expiry: &str| {
        format!(
            "(SELECT count(*) FROM (SELECT 1 FROM {{prefix}}keys WHERE organization = ?1 \
             AND epoch = {EPOCH} AND revoked_at IS NULL AND {expiry} LIMIT ?3))"
        )
    };
    format!("SELECT {} + {}", count("expires_at IS NULL"), count("expires_at > ?2"))
}
