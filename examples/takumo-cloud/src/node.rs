//! The nodes that verify keys, in JSON.

use std::time::Duration;

use keyfob::{FeedPosition, Health, NodeStatus};
use serde::Serialize;

use crate::time::rfc3339;

/// How a node is doing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeView {
    id: String,
    name: String,
    /// Whether it is the one that answers.
    answers: bool,
    /// `live`, or `gone` when it has been silent for three of its intervals.
    state: &'static str,
    started_at: String,
    last_report_at: String,
    /// How far in the change feed it has applied all there is. Of another node, when it last reported.
    feed_position: Option<u64>,
    /// How far it is behind the end of the change feed, in the feed's own steps: 0 when it has read
    /// all there is. Of another node, when it last reported.
    feed_lag: Option<u64>,
    /// How old, at most, what it knows is: of the node that answers, the time since it read the feed;
    /// of another, the time since it reported.
    staleness_ms: u64,
    /// The longest that it goes on honouring a key after its revocation.
    staleness_bound_ms: u64,
    /// Whether the node that answers does so from its cache. If not, it asks the store about every
    /// request. Null of another.
    cache_in_use: Option<bool>,
}

impl NodeView {
    /// A node, as it appears to one whose own health is this.
    pub(crate) fn new(node: NodeStatus, own: &Health) -> Self {
        let NodeStatus { report, lag, silence, gone, .. } = node;
        let answers = own.node == Some(report.id);
        let staleness = own.staleness.filter(|_| answers).unwrap_or(silence);
        Self {
            id: report.id.to_string(),
            name: report.name.to_string(),
            answers,
            state: if gone { "gone" } else { "live" },
            started_at: rfc3339(report.started_at),
            last_report_at: rfc3339(report.reported_at),
            feed_position: if answers {
                own.position.map(FeedPosition::get)
            } else {
                Some(report.cursor.position().get())
            },
            feed_lag: if answers { own.lag } else { Some(lag) },
            staleness_ms: millis(staleness),
            staleness_bound_ms: millis(report.staleness_bound),
            cache_in_use: answers.then_some(own.cache_in_use),
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
