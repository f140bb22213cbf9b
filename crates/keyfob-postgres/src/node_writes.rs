use std::time::Duration;

use keyfob_store::{FeedCursor, NodeId, NodeReport, StoreError};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::database::{Database, Value};
use crate::reads::to_number;
use crate::rows::NODE_REPORT;
use crate::{PostgresError, SchemaName};

/// What nodes say of themselves: no part of the log nor of the feed, so without the lock of the schema.
pub(crate) struct NodeWrites {
    report: String,
    forget: String,
}

impl NodeWrites {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self {
            report: schema.apply(&report_sql()),
            forget: schema.apply("DELETE FROM {schema}.nodes WHERE id = $1"),
        }
    }

    pub(crate) async fn report(
        &self,
        database: &Database,
        report: &NodeReport,
    ) -> Result<(), StoreError> {
        let tag =
            (report.cursor != FeedCursor::START).then(|| Uuid::from_u128(report.cursor.mark()));
        let values: [Value<'_>; 8] = [
            (&Uuid::from_bytes(*report.id.as_bytes()), Type::UUID),
            (&report.name.as_str(), Type::TEXT),
            (&report.started_at.as_micros(), Type::INT8),
            (&report.reported_at.as_micros(), Type::INT8),
            (&to_number(report.cursor.position()), Type::INT8),
            (&micros(report.staleness_bound), Type::INT8),
            (&micros(report.interval), Type::INT8),
            (&tag, Type::UUID),
        ];
        match execute(database, &self.report, &values).await? {
            0 => Err(StoreError::FeedLost),
            _ => Ok(()),
        }
    }

    pub(crate) async fn forget(&self, database: &Database, node: NodeId) -> Result<(), StoreError> {
        let values: [Value<'_>; 1] = [(&Uuid::from_bytes(*node.as_bytes()), Type::UUID)];
        execute(database, &self.forget, &values).await.map(drop)
    }
}

/// Runs a statement, and returns how many rows it wrote.
async fn execute(database: &Database, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
    let deadline = database.deadline();
    let mut lent = database.lend(deadline).await.map_err(PostgresError::into_store_error)?;
    lent.execute(sql, values).await.map_err(PostgresError::into_store_error)
}

fn report_sql() -> String {
    format!(
        "INSERT INTO {{schema}}.nodes AS n ({NODE_REPORT}) SELECT $1, $2, $3, $4, $5, $6, $7, $8 \
         WHERE ($5 = 0 AND $8 IS NULL) \
         OR EXISTS (SELECT 1 FROM {{schema}}.events e WHERE e.position = $5 AND e.tag = $8) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, started_at = excluded.started_at, \
         reported_at = excluded.reported_at, position = greatest(n.position, excluded.position), \
         tag = CASE WHEN excluded.position >= n.position THEN excluded.tag ELSE n.tag END, \
         staleness_bound = excluded.staleness_bound, report_interval = excluded.report_interval"
    )
}

/// As much as PostgreSQL's numbers hold.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
