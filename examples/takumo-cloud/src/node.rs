//! This process, as one of the nodes that verify keys.

use keyfob::Timestamp;
use serde::Serialize;

use crate::app::Keys;
use crate::time::rfc3339;

/// A node that verifies keys.
#[derive(Debug)]
pub(crate) struct Node {
    id: String,
    started_at: Timestamp,
}

/// How a node is doing, in JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeStatus {
    id: String,
    version: &'static str,
    started_at: String,
    /// How many changes of the feed it has yet to read; null while it is not known.
    feed_lag: Option<u64>,
    /// How old what it knows may be; null while it is not known.
    staleness_ms: Option<u64>,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self {
            id: format!("node_{}", uuid::Uuid::now_v7().simple()),
            started_at: std::time::SystemTime::now().into(),
        }
    }

    /// The service is asked because it is the one that follows the feed.
    pub(crate) fn status(&self, _keys: &Keys) -> NodeStatus {
        NodeStatus {
            id: self.id.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: rfc3339(self.started_at),
            feed_lag: None,
            staleness_ms: None,
        }
    }
}
