use std::time::Duration;

use keyfob_store::{NodeId, NodeReport, StoreError};
use rusqlite::{Statement, params};

use super::Writes;
use crate::reads::to_number;
use crate::rows::{NODE_REPORT, mark_to_number};
use crate::sqlite_error::store_error;

/// What nodes say of themselves.
pub(super) struct Nodes<'c> {
    report: Statement<'c>,
    forget: Statement<'c>,
}

impl<'c> Nodes<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            report: prepare(&format!(
                "INSERT INTO {{prefix}}nodes AS n ({NODE_REPORT}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET \
                 name = excluded.name, started_at = excluded.started_at, \
                 reported_at = excluded.reported_at, \
                 mark = iif(excluded.position >= n.position, excluded.mark, n.mark), \
                 position = max(n.position, excluded.position), \
                 staleness_bound = excluded.staleness_bound, \
                 report_interval = excluded.report_interval"
            ))?,
            forget: prepare("DELETE FROM {prefix}nodes WHERE id = ?1")?,
        })
    }
}

impl Writes<'_> {
    pub(crate) fn report_node(&mut self, report: &NodeReport) -> Result<(), StoreError> {
        if !self.reads.is_of_this_history(report.cursor)? {
            return Err(StoreError::FeedLost);
        }
        let values = params![
            report.id.as_bytes(),
            report.name.as_str(),
            report.started_at.as_micros(),
            report.reported_at.as_micros(),
            to_number(report.cursor.position()),
            micros(report.staleness_bound),
            micros(report.interval),
            mark_to_number(report.cursor),
        ];
        self.nodes.report.execute(values).map_err(store_error)?;
        Ok(())
    }

    pub(crate) fn forget_node(&mut self, node: NodeId) -> Result<(), StoreError> {
        self.nodes.forget.execute([node.as_bytes()]).map_err(store_error)?;
        Ok(())
    }
}

/// As much as SQLite's numbers hold.
fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
