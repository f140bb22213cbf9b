use std::time::Duration;

use keyfob_store::{FeedPosition, KeyRecord, NodeId, NodeName, NodeReport, Timestamp};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::registration::INTERVALS_UNTIL_GONE;

/// What is known of a change's reaching the nodes, to be filed: see
/// [`KeyChange::confirmed`](crate::KeyChange::confirmed).
///
/// As JSON it has what is here, with times as RFC 3339 and durations in milliseconds, and no more of
/// the key than an audit needs: neither hash nor hint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confirmation {
    /// The key, as it is since the change.
    pub key: KeyRecord,
    /// Where the feed tells of the change: a node that has reached this position has applied it.
    pub position: FeedPosition,
    /// When the store had answered that the change is committed, by the clock of this service.
    pub committed_at: Timestamp,
    /// When the wait ended.
    pub concluded_at: Timestamp,
    /// The longest staleness bound of this service and of any node on the list.
    pub staleness_bound: Duration,
    /// Whether so much time has surely gone by since the commit. Then no node that keeps that bound
    /// honours what the change ended, whatever it says or does not say.
    pub bound_passed: bool,
    /// Whether the store could be asked for the list of nodes. If not, `nodes` is empty and tells
    /// nothing.
    pub nodes_listed: bool,
    /// Every node on the list, by when it started.
    pub nodes: Vec<NodeConfirmation>,
}

impl Confirmation {
    /// Whether no registered node honours any more what the change ended: each that is not gone has
    /// applied it, or the staleness bound has passed.
    ///
    /// Nodes [without registration](crate::KeyServiceBuilder::without_registration) are on no list.
    /// For them the passing of the bound is all there is to go by.
    #[must_use]
    pub fn in_force(&self) -> bool {
        let awaited = |node: &NodeConfirmation| matches!(node.state, NodeState::NotYet { .. });
        self.bound_passed || self.nodes_listed && !self.nodes.iter().any(awaited)
    }
}

/// How far a change has come with one node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeConfirmation {
    /// The node.
    pub id: NodeId,
    /// What a person calls it.
    pub name: NodeName,
    /// Whether it has applied the change.
    pub state: NodeState,
}

/// Whether a node has applied a change. All times are by the node's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It has.
    Applied {
        /// When it said so.
        at: Timestamp,
    },
    /// It has not said so.
    NotYet {
        /// When it last said anything.
        last_report: Timestamp,
        /// How many positions of the feed it was behind the change then.
        lag: u64,
    },
    /// It has not said anything for three of its intervals: its process has ended, or it is cut off
    /// and honours nothing that it remembers until it has reported again.
    Gone {
        /// When it last said anything.
        last_report: Timestamp,
    },
}

impl NodeState {
    /// The word for it: `applied`, `not_yet` or `gone`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::NotYet { .. } => "not_yet",
            Self::Gone { .. } => "gone",
        }
    }
}

impl NodeConfirmation {
    /// What a report says of a change.
    pub(crate) fn of(report: NodeReport, change: FeedPosition, now: Timestamp) -> Self {
        let last_report = report.reported_at;
        let state = if report.cursor.position() >= change {
            NodeState::Applied { at: last_report }
        } else if is_gone(&report, now) {
            NodeState::Gone { last_report }
        } else {
            NodeState::NotYet { last_report, lag: change.get() - report.cursor.position().get() }
        };
        Self { id: report.id, name: report.name, state }
    }
}

/// Whether a node has been silent for so long that it honours nothing from memory any more. The
/// clocks of nodes are taken to differ by less than one of its intervals.
pub(crate) fn is_gone(report: &NodeReport, now: Timestamp) -> bool {
    report.reported_at.saturating_add(report.interval.saturating_mul(INTERVALS_UNTIL_GONE)) < now
}

impl Serialize for Confirmation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Confirmation", 11)?;
        fields.serialize_field("key_id", &self.key.id.to_string())?;
        fields.serialize_field("organization", self.key.organization.as_str())?;
        fields.serialize_field("status", self.key.status(self.concluded_at).as_str())?;
        fields.serialize_field("position", &self.position.get())?;
        fields.serialize_field("committed_at", &rfc3339(self.committed_at))?;
        fields.serialize_field("concluded_at", &rfc3339(self.concluded_at))?;
        fields.serialize_field("in_force", &self.in_force())?;
        fields.serialize_field("staleness_bound_ms", &millis(self.staleness_bound))?;
        fields.serialize_field("bound_passed", &self.bound_passed)?;
        fields.serialize_field("nodes_listed", &self.nodes_listed)?;
        fields.serialize_field("nodes", &self.nodes)?;
        fields.end()
    }
}

impl Serialize for NodeConfirmation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (applied_at, last_report, lag) = match self.state {
            NodeState::Applied { at } => (Some(at), at, None),
            NodeState::NotYet { last_report, lag } => (None, last_report, Some(lag)),
            NodeState::Gone { last_report } => (None, last_report, None),
        };
        let mut fields = serializer.serialize_struct("NodeConfirmation", 6)?;
        fields.serialize_field("id", &self.id.to_string())?;
        fields.serialize_field("name", self.name.as_str())?;
        fields.serialize_field("state", self.state.as_str())?;
        fields.serialize_field("applied_at", &applied_at.map(rfc3339))?;
        fields.serialize_field("last_report_at", &rfc3339(last_report))?;
        fields.serialize_field("lag", &lag)?;
        fields.end()
    }
}

/// Beyond the years that RFC 3339 can say, the first or the last of them.
fn rfc3339(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_microsecond(at.as_micros());
    let edge = if at.as_micros() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    time.unwrap_or(edge).to_string()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
