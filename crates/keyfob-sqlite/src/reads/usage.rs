use keyfob_store::{OrganizationId, StoreError, UsageGrain, UsageQuery, UsageRow};
use rusqlite::{Statement, params};

use super::{EPOCH, all};
use crate::rows::{self, USAGE_ROW};

/// The usage of an organization, since its last deletion.
pub(super) struct Usage<'c> {
    of_organization: Statement<'c>,
    of_key: Statement<'c>,
}

impl<'c> Usage<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self { of_organization: prepare(&sql(""))?, of_key: prepare(&sql(OF_KEY))? })
    }

    pub(super) fn read(
        &mut self,
        organization: &OrganizationId,
        query: &UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let (organization, from, to) =
            (organization.as_str(), query.from.number(), query.to.number());
        let mut rows = if let Some(key) = &query.key {
            let values = params![organization, from, to, key.as_bytes()];
            all(&mut self.of_key, values, rows::usage_row)?
        } else {
            all(&mut self.of_organization, params![organization, from, to], rows::usage_row)?
        };
        if query.grain == UsageGrain::Day {
            for row in &mut rows {
                row.hour = row.hour.first_of_day();
            }
        }
        // Nearly in order already, which this sort makes use of. SQLite would sort outcomes as words,
        // and fails where a sum is beyond its numbers.
        rows.sort_by_key(place);
        rows.dedup_by(|row, sum| {
            let same = place(row) == place(sum);
            if same {
                sum.count = sum.count.saturating_add(row.count).min(UsageRow::MOST);
            }
            same
        });
        Ok(rows)
    }
}

fn place(row: &UsageRow) -> impl Ord + use<> {
    (row.hour, row.key, row.secret, row.outcome)
}

pub(super) const OF_KEY: &str = "AND u.key = ?4";

/// It leaps from each hour that has rows, of whichever organization, to the next.
pub(super) fn sql(filter: &str) -> String {
    format!(
        "WITH RECURSIVE hours (hour) AS ( \
             SELECT min(hour) FROM {{prefix}}usage WHERE hour >= ?2 \
             UNION ALL \
             SELECT (SELECT min(n.hour) FROM {{prefix}}usage n WHERE n.hour > h.hour) \
             FROM hours h WHERE h.hour < ?3) \
         SELECT {USAGE_ROW} FROM hours CROSS JOIN {{prefix}}usage u \
         ON u.hour = hours.hour AND u.organization = ?1 AND u.epoch = {EPOCH} {filter} \
         WHERE hours.hour < ?3"
    )
}
