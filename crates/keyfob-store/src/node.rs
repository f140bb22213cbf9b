use std::time::Duration;

use crate::uuid_v7::uuid_v7;
use crate::{FeedCursor, NodeName, Timestamp};

uuid_v7! {
    /// One run of a node: a UUIDv7 (RFC 9562 §5.7), made as it starts. Ids sort by that time, and a
    /// process that starts anew is another node.
    NodeId,
    /// The text is not a UUID.
    #[error("a node's id is a UUID, such as 0190a6e4-5b2c-7d3e-8f40-112233445566")]
    InvalidNodeId
}

/// What a node says of itself: how far it has followed the change feed, and until when it counts.
///
/// A store keeps durations as whole microseconds, in 64 bits with a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Which node.
    pub id: NodeId,
    /// What a person calls it. Nodes may have the same name.
    pub name: NodeName,
    /// When it started, by its own clock.
    pub started_at: Timestamp,
    /// When it said this, by its own clock.
    pub reported_at: Timestamp,
    /// Every change up to here is applied: the node honours nothing that a change before it ended.
    pub cursor: FeedCursor,
    /// The longest that it goes on honouring a key after its revocation committed.
    pub staleness_bound: Duration,
    /// How often it reports at least.
    pub interval: Duration,
}
