//! What the controller and a node say to each other: a line of JSON each, over the node's standard
//! input and output.
//!
//! Keys pass through here in plaintext, and nowhere else: not in an argument, an environment or a
//! log. So nothing that holds one can be printed.

mod answer;
mod plaintext;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use answer::{Answer, Segment, Sight};
pub(crate) use plaintext::Plaintext;

use crate::monotonic::Monotonic;

/// The first line that a node reads: what it is to be.
#[derive(Serialize, Deserialize)]
pub(crate) struct Settings {
    /// What the store's list calls it.
    pub(crate) name: String,
    /// Where the keys are.
    pub(crate) store: Place,
    /// How long it may go on honouring a key that was revoked.
    pub(crate) staleness_bound: Duration,
    /// How long the store may take for an answer.
    pub(crate) lookup_timeout: Duration,
    /// How often it writes down its usage.
    pub(crate) usage_interval: Duration,
    /// How long its watch rests between two rounds. It bounds how finely an acceptance is timed, and
    /// how much of the machine the watch takes.
    pub(crate) watch_pause: Duration,
}

/// Where keys are, and by which way they are reached.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In a file.
    Sqlite(PathBuf),
    /// On a server.
    Postgres {
        /// Of the primary, or of a pooler in front of it.
        url: String,
        /// Of the primary, where to listen.
        notifications: String,
        /// Of a replica that may answer lookups.
        replica: Option<String>,
    },
}

/// A line to a node that has started.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    /// The reply bears the same number.
    pub(crate) id: u64,
    /// What to do.
    pub(crate) command: Command,
}

/// What a node can be asked to do. It answers each when it is done, in any order.
#[derive(Serialize, Deserialize)]
pub(crate) enum Command {
    /// Makes keys. Answered by [`Reply::Created`].
    Create {
        /// Whose.
        organization: String,
        /// How many.
        keys: usize,
    },
    /// Has so many creators, all at this moment, each try to make a key where there may be `limit`.
    /// Answered by [`Reply::Raced`].
    Race {
        /// Whose keys.
        organization: String,
        /// How many try.
        creators: usize,
        /// How many keys the organization may hold.
        limit: u64,
        /// When.
        at: Monotonic,
    },
    /// Counts an organization's keys. Answered by [`Reply::KeysInUse`].
    KeysInUse {
        /// Whose.
        organization: String,
    },
    /// Revokes a key. Answered by [`Reply::Revoked`].
    Revoke(KeyName),
    /// Verifies keys at random until it is told to stop. Answered by [`Reply::Done`] when each was
    /// looked up once.
    StartLoad(Load),
    /// Ends the load. Answered by [`Reply::Loaded`].
    StopLoad,
    /// Verifies these keys over and over, and takes down every answer. Answered by [`Reply::Done`].
    Watch(Vec<WatchedKey>),
    /// Tells what was seen of these keys until now. Answered by [`Reply::Seen`], in the same order.
    See(Vec<KeyName>),
    /// The same, and ends the watch over them.
    Unwatch(Vec<KeyName>),
    /// Verifies keys in small numbers, and tells of each by [`Told::Metering`] before and by
    /// [`Told::Metered`] after. Answered at once by [`Reply::Done`].
    Meter(Vec<WatchedKey>),
    /// Reads the usage of an organization. Answered by [`Reply::Usage`].
    Usage {
        /// Whose.
        organization: String,
    },
    /// Sets the time of day forward by so many microseconds, or back. Answered by [`Reply::Done`].
    StepClock(i64),
    /// Makes the way to the store fail in the node itself. Answered by [`Reply::Done`].
    Fault(StoreFault),
    /// Answered by [`Reply::Health`].
    Health,
}

/// Which key of which organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct KeyName {
    /// Whose.
    pub(crate) organization: String,
    /// The key's id, as text.
    pub(crate) id: String,
}

/// A key and its plaintext.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WatchedKey {
    /// Which.
    pub(crate) name: KeyName,
    /// What is presented.
    pub(crate) plaintext: Plaintext,
}

/// Verifications that a service would be busy with.
#[derive(Serialize, Deserialize)]
pub(crate) struct Load {
    /// The keys to draw from, all of them good.
    pub(crate) keys: Vec<Plaintext>,
    /// How many verifications of them a second.
    pub(crate) rate: u32,
    /// How many of made-up keys a second: each needs a lookup.
    pub(crate) unknown_rate: u32,
    /// By which they are drawn.
    pub(crate) seed: u64,
}

/// How a node's way to its store fails: for stores that have no network to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoreFault {
    /// Not at all.
    None,
    /// The store never hints that something changed.
    Silent,
    /// The store answers every call by an error.
    Unavailable,
    /// The store answers no call.
    Hanging,
}

/// A line from a node.
#[derive(Serialize, Deserialize)]
pub(crate) enum Told {
    /// The first one: it serves.
    Ready,
    /// The only one: it could not start.
    CouldNotStart(String),
    /// To a request.
    Reply {
        /// The request's number.
        id: u64,
        /// What came of it.
        reply: Reply,
    },
    /// It is about to verify the key so many times.
    Metering {
        /// Which key.
        key: KeyName,
        /// How many times at most its usage may grow.
        most: u64,
    },
    /// It has.
    Metered {
        /// Which key.
        key: KeyName,
        /// How many of these were counted.
        counted: u64,
        /// Before the first of them.
        began: Monotonic,
        /// After the last of them.
        ended: Monotonic,
        /// All that was counted before this is in the store.
        durable_until: Option<Monotonic>,
    },
}

/// What came of a command.
#[derive(Serialize, Deserialize)]
#[allow(missing_docs, reason = "the commands say what they are answered by")]
pub(crate) enum Reply {
    Done,
    Created(Vec<WatchedKey>),
    Raced(Raced),
    KeysInUse(u64),
    Revoked {
        /// Before the call.
        began: Monotonic,
        /// After it.
        returned: Monotonic,
    },
    Loaded(Loaded),
    Seen(Vec<Sight>),
    Usage(Vec<(KeyName, u64)>),
    Health(Health),
    /// It could not be done.
    Failed {
        /// Whether the same may succeed later.
        transient: bool,
        /// The error and its sources. No error of keyfob's holds key material.
        message: String,
    },
}

/// How a race for slots went on a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Raced {
    /// How many keys were made.
    pub(crate) created: u64,
    /// How many were not, since the limit was reached.
    pub(crate) limited: u64,
    /// What else was answered.
    pub(crate) failures: Vec<String>,
}

/// What a load came to.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Loaded {
    /// Good keys that were accepted.
    pub(crate) accepted: u64,
    /// Good keys that were refused, of which there must be none.
    pub(crate) refused: u64,
    /// Good keys of which nothing could be told.
    pub(crate) unavailable: u64,
    /// Made-up keys.
    pub(crate) unknown: u64,
    /// For so long.
    pub(crate) lasted: Duration,
}

/// What a node knows of itself: see [`keyfob::Health`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Health {
    /// Where in the feed it is.
    pub(crate) position: Option<u64>,
    /// How far from the feed's end.
    pub(crate) lag: Option<u64>,
    /// How old the last read of the feed is.
    pub(crate) staleness: Option<Duration>,
    /// Whether it answers from memory.
    pub(crate) cache_in_use: bool,
}
