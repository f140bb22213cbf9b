use keyfob_store::{OrganizationId, StoreError, UsageGrain, UsageQuery, UsageRow};
use tokio_postgres::types::Type;

use super::{EPOCH, uuid};
use crate::SchemaName;
use crate::database::{Database, Value};
use crate::rows::{self, USAGE_ROW};

/// The usage of an organization, since its last deletion.
pub(crate) struct Usage {
    of_organization: String,
    of_key: String,
}

impl Usage {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self { of_organization: schema.apply(&sql("")), of_key: schema.apply(&sql(OF_KEY)) }
    }

    pub(crate) async fn read(
        &self,
        database: &Database,
        organization: &OrganizationId,
        query: &UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let (organization, from, to) =
            (organization.as_str(), query.from.number(), query.to.number());
        let key = query.key.map(uuid);
        let mut values: Vec<Value<'_>> =
            vec![(&organization, Type::TEXT), (&from, Type::INT8), (&to, Type::INT8)];
        let rows = if key.is_some() {
            values.push((&key, Type::UUID));
            database.read(&self.of_key, &values).await?
        } else {
            database.read(&self.of_organization, &values).await?
        };
        let mut rows: Vec<_> = rows.iter().map(rows::usage_row).collect::<Result<_, _>>()?;
        if query.grain == UsageGrain::Day {
            for row in &mut rows {
                row.hour = row.hour.first_of_day();
            }
        }
        // PostgreSQL would sort outcomes as words, and fails where a sum is beyond its numbers.
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

pub(crate) const OF_KEY: &str = "AND u.key = $4";

/// It leaps from each hour that has rows, of whichever organization, to the next.
pub(crate) fn sql(filter: &str) -> String {
    format!(
        "WITH RECURSIVE hours (hour) AS ( \
             SELECT min(hour) FROM {{schema}}.usage WHERE hour >= $2 \
             UNION ALL \
             SELECT (SELECT min(n.hour) FROM {{schema}}.usage n WHERE n.hour > h.hour) \
             FROM hours h WHERE h.hour < $3) \
         SELECT {USAGE_ROW} FROM hours JOIN {{schema}}.usage u \
         ON u.hour = hours.hour AND u.organization = $1 AND u.epoch = {EPOCH} {filter} \
         WHERE hours.hour < $3"
    )
}
