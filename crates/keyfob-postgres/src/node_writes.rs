use std::time::Duration;

use keyfob_store::{NodeId, NodeReport, StoreError};
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
        let values: [Value<'_>; 7] = [
            (&Uuid::from_bytes(*report.id.as_bytes()), Type::UUID),
            (&report.name.as_str(), Type::TEXT),
            (&report.started_at.as_micros(), Type::INT8),
            (&report.reported_at.as_micros(), Type::INT8),
            (&to_number(report.position), Type::INT8),
            (&micros(report.staleness_bound), Type::INT8),
            (&micros(report.interval), Type::INT8),
        ];
        execute(database, &self.report, &values).await
    }

    pub(crate) async fn forget(&self, database: &Database, node: NodeId) -> Result<(), StoreError> {
        let values: [Value<'_>; 1] = [(&Uuid::from_bytes(*node.as_bytes()), Type::UUID)];
        execute(database, &self.forget, &values).await
    }
}

async fn execute(database: &Database, sql: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
    let deadline = database.deadline();
    let mut lent = database.lend(deadline).await.map_err(PostgresError::into_store_error)?;
    lent.execute(sql, values).await.map_err(PostgresError::into_store_error)?;
    Ok(())
}

fn report_sql() -> String {
    format!(
        "INSERT INTO {{schema}}.nodes AS n ({NODE_REPORT}) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, started_at = excluded.started_at, \
         reported_at = excluded.reported_at, position = greatest(n.position, excluded.position), \
         staleness_bound = excluded.staleness_bound, report_interval = excluded.report_interval"
    )
}

/// As much as PostgreSQL's numbers hold.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
