use keyfob::Environment;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// What may happen next. It names things by small numbers, taken modulo how many there are, so that
/// an operation still means something when those before it are left out.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// Both clocks go on.
    Advance { seconds: u64 },
    /// The time of day is set.
    Set(TimeOfDay),
    /// A node changes something.
    Change { node: usize, change: Change },
    /// A node is asked about a text.
    Verify { node: usize, text: usize },
    /// A node is asked whether a text may do something.
    Authorize { node: usize, text: usize, scopes: usize },
    /// A node is asked about everything.
    VerifyAll { node: usize },
    /// A node looks a text up, and has not learned the answer yet when it or another changes
    /// something, and perhaps it is told.
    Race { node: usize, text: usize, by: usize, change: Change, follow: bool },
    /// A node reads the feed to its end.
    Follow { node: usize },
    /// A node forgets all that it knew.
    Restart { node: usize },
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Create {
        organization: usize,
        key: Draft,
    },
    /// Of a text that was nobody's, or of any other.
    Import {
        organization: usize,
        text: usize,
        key: Draft,
    },
    Rotate {
        key: usize,
        overlap: u64,
    },
    Retire {
        key: usize,
    },
    Switch {
        key: usize,
        on: bool,
    },
    Edit {
        key: usize,
        scopes: Option<usize>,
        expires: Option<Expiry>,
    },
    Revoke {
        key: usize,
    },
    Delete {
        organization: usize,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) environment: Environment,
    pub(super) scopes: usize,
    pub(super) expires: Expiry,
}

/// In how many seconds a key expires, if it does.
pub(super) type Expiry = Option<i64>;

#[derive(Clone, Debug)]
pub(super) enum TimeOfDay {
    Later {
        seconds: i64,
    },
    /// So many microseconds after a text stops being accepted.
    AtTheEndOf {
        text: usize,
        micros: i64,
    },
    Start,
    First,
    Last,
}

const DAY: i64 = 24 * 60 * 60;

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{Advance, Authorize, Follow, Race, Restart, Set, Verify, VerifyAll};
    // What stands first is what the others shrink to.
    prop_oneof![
        20 => (node(), text()).prop_map(|(node, text)| Verify { node, text }),
        24 => (node(), change()).prop_map(|(node, change)| Operation::Change { node, change }),
        8 => (node(), text(), 0..4_usize)
            .prop_map(|(node, text, scopes)| Authorize { node, text, scopes }),
        8 => node().prop_map(|node| VerifyAll { node }),
        16 => node().prop_map(|node| Follow { node }),
        6 => (node(), text(), node(), change(), any::<bool>()).prop_map(
            |(node, text, by, change, follow)| Race { node, text, by, change, follow }
        ),
        4 => (0..7_u64).prop_map(|seconds| Advance { seconds }),
        8 => time_of_day().prop_map(Set),
        2 => node().prop_map(|node| Restart { node }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    use Change::{Create, Delete, Edit, Import, Retire, Revoke, Rotate, Switch};
    let overlap = select(vec![0, 5, 60, 3_600, 86_400, 7 * 86_400]);
    prop_oneof![
        8 => (organization(), draft())
            .prop_map(|(organization, key)| Create { organization, key }),
        3 => (organization(), text(), draft())
            .prop_map(|(organization, text, key)| Import { organization, text, key }),
        8 => (key(), overlap).prop_map(|(key, overlap)| Rotate { key, overlap }),
        3 => key().prop_map(|key| Retire { key }),
        4 => (key(), any::<bool>()).prop_map(|(key, on)| Switch { key, on }),
        6 => (key(), of(0..4_usize), of(expiry()))
            .prop_map(|(key, scopes, expires)| Edit { key, scopes, expires }),
        3 => key().prop_map(|key| Revoke { key }),
        1 => organization().prop_map(|organization| Delete { organization }),
    ]
}

fn time_of_day() -> impl Strategy<Value = TimeOfDay> {
    use TimeOfDay::{AtTheEndOf, First, Last, Later, Start};
    let seconds = select(vec![-8 * DAY, -DAY, -3_600, -60, -5, 5, 60, 3_600, DAY, 8 * DAY]);
    prop_oneof![
        2 => Just(Start),
        4 => seconds.prop_map(|seconds| Later { seconds }),
        6 => (text(), -1..2_i64).prop_map(|(text, micros)| AtTheEndOf { text, micros }),
        1 => Just(First),
        1 => Just(Last),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    (select(&Environment::ALL[..]), 0..4_usize, expiry())
        .prop_map(|(environment, scopes, expires)| Draft { environment, scopes, expires })
}

fn expiry() -> impl Strategy<Value = Expiry> {
    of(select(vec![-5, 0, 5, 60, 3_600, DAY]))
}

fn node() -> impl Strategy<Value = usize> {
    0..2_usize
}

fn organization() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => Just(1)]
}

/// Most often one of the first keys, so that one has a long story.
fn key() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..2_usize, 2 => 0..50_usize]
}

fn text() -> impl Strategy<Value = usize> {
    0..60_usize
}
