use std::collections::BTreeMap;

use keyfob_store::{NodeId, NodeReport};

/// What each node said last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes(BTreeMap<NodeId, NodeReport>);

impl Nodes {
    pub(crate) fn report(&mut self, mut report: NodeReport) {
        if let Some(before) = self.0.get(&report.id)
            && before.cursor.position() > report.cursor.position()
        {
            report.cursor = before.cursor;
        }
        self.0.insert(report.id, report);
    }

    pub(crate) fn list(&self) -> Vec<NodeReport> {
        self.0.values().cloned().collect()
    }

    pub(crate) fn forget(&mut self, node: NodeId) {
        self.0.remove(&node);
    }
}
