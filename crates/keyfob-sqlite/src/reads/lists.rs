use keyfob_store::{
    Environment, KeyId, KeyQuery, KeyStatus, OrganizationId, PageSize, StoreError, Timestamp,
};
use rusqlite::{Statement, params};

use super::{EPOCH, all, first};
use crate::rows::{self, NUMBERED_KEY, NumberedKey};

/// Lists of an organization's keys: one statement for each status, and one for all.
pub(super) struct Lists<'c> {
    pages: [Statement<'c>; 5],
    /// Where a walk ends that examined as many rows as it may: of all keys.
    end: Statement<'c>,
    /// The same of those that are not revoked.
    end_of_unrevoked: Statement<'c>,
}

impl<'c> Lists<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            pages: [
                prepare(&sql(None))?,
                prepare(&sql(Some(KeyStatus::Active)))?,
                prepare(&sql(Some(KeyStatus::Disabled)))?,
                prepare(&sql(Some(KeyStatus::Expired)))?,
                prepare(&sql(Some(KeyStatus::Revoked)))?,
            ],
            end: prepare(&end_sql(ALL))?,
            end_of_unrevoked: prepare(&end_sql(UNREVOKED))?,
        })
    }

    /// The keys of a page and one more, without their secrets. If the walk ended before it had
    /// these, the id says where.
    pub(super) fn read(
        &mut self,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Result<(Vec<NumberedKey>, Option<KeyId>), StoreError> {
        let page = &mut self.pages[match query.status {
            None => 0,
            Some(KeyStatus::Active) => 1,
            Some(KeyStatus::Disabled) => 2,
            Some(KeyStatus::Expired) => 3,
            Some(KeyStatus::Revoked) => 4,
        }];
        let organization = organization.as_str();
        let after = query.after.as_ref().map_or(BEHIND_ALL, |after| after.as_bytes());
        let environment = query.environment.map(Environment::as_str);
        let read_ahead = i64::from(query.size.get()) + 1;
        let values = params![organization, after, environment, read_ahead, at.as_micros()];
        let keys = all(page, values, rows::numbered_key)?;
        if keys.len() > usize::from(query.size.get()) {
            return Ok((keys, None));
        }
        let end = match query.status {
            None | Some(KeyStatus::Revoked) => &mut self.end,
            Some(_) => &mut self.end_of_unrevoked,
        };
        let examined_to =
            first(end, params![organization, after], |row| rows::key_id(row, 0, "keys.id"))?;
        Ok((keys, examined_to))
    }

    /// The virtual machine's steps since the last call.
    #[cfg(test)]
    pub(super) fn steps(&self) -> i64 {
        self.pages
            .iter()
            .chain([&self.end, &self.end_of_unrevoked])
            .map(|statement| i64::from(statement.reset_status(rusqlite::StatementStatus::VmStep)))
            .sum()
    }
}

/// Longer than any id, so it sorts behind them all.
const BEHIND_ALL: &[u8] = &[0xff; 17];

/// The walk of an index with all keys.
const ALL: &str = "";

/// SQLite uses a partial index only if the text of the query implies the index's own condition.
const UNREVOKED: &str = "AND revoked_at IS NULL";

/// Walks an index for [`PageSize::MAX_EXAMINED_ROWS`] keys and filters these. `?5` is named in each
/// statement, so that all have the same values.
pub(super) fn sql(status: Option<KeyStatus>) -> String {
    let (walk, filter) = match status {
        None => (ALL, "?5 IS NOT NULL"),
        Some(KeyStatus::Active) => {
            (UNREVOKED, "disabled = 0 AND (expires_at IS NULL OR expires_at > ?5)")
        }
        Some(KeyStatus::Disabled) => {
            (UNREVOKED, "disabled = 1 AND (expires_at IS NULL OR expires_at > ?5)")
        }
        Some(KeyStatus::Expired) => (UNREVOKED, "expires_at <= ?5"),
        Some(KeyStatus::Revoked) => (ALL, "revoked_at IS NOT NULL AND ?5 IS NOT NULL"),
    };
    format!(
        "SELECT {NUMBERED_KEY} FROM (SELECT * FROM {{prefix}}keys WHERE {} \
         ORDER BY id DESC LIMIT {}) \
         WHERE (?3 IS NULL OR environment = ?3) AND {filter} ORDER BY id DESC LIMIT ?4",
        range(walk),
        PageSize::MAX_EXAMINED_ROWS,
    )
}

pub(super) fn end_sql(walk: &str) -> String {
    format!(
        "SELECT id FROM {{prefix}}keys WHERE {} ORDER BY id DESC LIMIT 1 OFFSET {}",
        range(walk),
        PageSize::MAX_EXAMINED_ROWS - 1,
    )
}

fn range(walk: &str) -> String {
    format!("organization = ?1 AND epoch = {EPOCH} AND id < ?2 {walk}")
}
