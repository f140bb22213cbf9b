//! This process, as one of the nodes that verify keys.

use std::time::Duration;

use keyfob::{KeyStore, StoreError, Timestamp};
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
    /// How far it is behind the end of the change feed, in the feed's own steps: 0 when it has read
    /// all there is. Null before its first read.
    feed_lag: Option<u64>,
    /// How old, at most, what it knows is. Null before its first read.
    staleness_ms: Option<u64>,
    /// Whether it answers from its cache. If not, it asks the store about every request.
    cache_in_use: bool,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self {
            id: format!("node_{}", uuid::Uuid::now_v7().simple()),
            started_at: std::time::SystemTime::now().into(),
        }
    }

    /// The service is asked because it is the one that follows the feed.
    ///
    /// # Errors
    /// The failures of the store, which is asked where the feed ends.
    pub(crate) async fn status(&self, keys: &Keys) -> Result<NodeStatus, StoreError> {
        let feed = keys.health();
        let end = keys.store().position().await?;
        let millis = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        Ok(NodeStatus {
            id: self.id.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: rfc3339(self.started_at),
            feed_lag: feed.position.map(|position| end.get().saturating_sub(position.get())),
            staleness_ms: feed.staleness.map(millis),
            cache_in_use: feed.cache_in_use,
        })
    }
}
