use std::time::Duration;

use keyfob_core::Scope;
use keyfob_store::{FeedPosition, KeyStore, NodeReport, StoreError, Timestamp};

use crate::KeyService;
use crate::confirmation::is_gone;

/// A node of the store's list, seen from here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStatus {
    /// What it last said of itself.
    pub report: NodeReport,
    /// How many positions it was behind the feed's end then. Not all of them are changes: positions
    /// of the embedder's own events are among them, which a node passes without a word.
    pub lag: u64,
    /// How long ago it said so, by the clocks of both. Zero if its clock is ahead.
    pub silence: Duration,
    /// Whether it has been silent for three of its intervals. Then its process has ended, or it is
    /// cut off and honours nothing that it remembers until it has reported again.
    pub gone: bool,
}

impl<S: Scope, St: KeyStore> KeyService<S, St> {
    /// Every node that the store lists, this one among them if it registers. The list is of nodes
    /// that have reported and have not shut down; one whose process was killed is on it for a day, as
    /// [gone](NodeStatus::gone).
    ///
    /// # Errors
    /// The failures of the store.
    pub async fn nodes(&self) -> Result<Vec<NodeStatus>, StoreError> {
        let nodes = self.core.store.nodes().await?;
        // Read last: nobody is ahead of it.
        let end = self.core.store.position().await?;
        let now = self.now();
        Ok(nodes.into_iter().map(|report| NodeStatus::of(report, end.position(), now)).collect())
    }
}

impl NodeStatus {
    pub(crate) fn of(report: NodeReport, end: FeedPosition, now: Timestamp) -> Self {
        let silence = now.as_micros().saturating_sub(report.reported_at.as_micros());
        Self {
            lag: end.get().saturating_sub(report.cursor.position().get()),
            silence: Duration::from_micros(u64::try_from(silence).unwrap_or(0)),
            gone: is_gone(&report, now),
            report,
        }
    }
}
