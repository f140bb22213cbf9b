use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use keyfob_core::{Environment, KeyFormat, Scope};
use keyfob_store::{KeyStore, NodeId, NodeName};
use tokio::runtime::Handle;

use crate::attempts::SharedAttempts;
use crate::cache::Cache;
use crate::core::{Core, Environments};
use crate::lookups::Lookups;
use crate::registration::{Node, Registration};
use crate::usage_counter::UsageCounter;
use crate::{Clock, KeyService, SystemClock};

/// Settles how a [`KeyService`] works, before it does.
#[must_use = "a builder does nothing until `build`"]
pub struct KeyServiceBuilder<S, St> {
    format: KeyFormat,
    store: St,
    environments: Environments,
    clock: Arc<dyn Clock>,
    staleness_bound: Duration,
    poll_interval: Duration,
    lookup_timeout: Duration,
    cache_capacity: usize,
    usage_interval: Duration,
    registers: bool,
    node_name: Option<NodeName>,
    report_interval: Duration,
    scope: PhantomData<fn() -> S>,
}

impl<S: Scope, St: KeyStore> KeyServiceBuilder<S, St> {
    pub(crate) fn new(format: KeyFormat, store: St) -> Self {
        Self {
            format,
            store,
            environments: Environments::Both,
            clock: Arc::new(SystemClock),
            staleness_bound: Duration::from_secs(5),
            poll_interval: Duration::from_secs(1),
            lookup_timeout: Duration::from_secs(2),
            cache_capacity: 1_000_000,
            usage_interval: Duration::from_secs(1),
            registers: true,
            node_name: None,
            report_interval: Duration::from_secs(10),
            scope: PhantomData,
        }
    }

    /// Accepts keys of this environment only. By default both are accepted.
    pub fn with_environment(mut self, environment: Environment) -> Self {
        self.environments = Environments::Only(environment);
        self
    }

    /// Sets the longest that this node may go on honouring a key after its revocation committed,
    /// whatever breaks. 5 seconds by default. With zero nothing is ever answered from the cache.
    ///
    /// The change feed is polled five times within the bound, and at least every second. A bound
    /// beyond a day counts as a day.
    pub fn with_staleness_bound(mut self, bound: Duration) -> Self {
        let bound = bound.min(MAX_SPAN);
        self.staleness_bound = bound;
        self.poll_interval = (bound / 5).clamp(Duration::from_millis(10), Duration::from_secs(1));
        self
    }

    /// Sets how many keys are remembered at most. 1,000,000 by default, which is 160 MB when so
    /// many keys are in use; memory is taken as keys are seen.
    pub fn with_cache_capacity(mut self, keys: usize) -> Self {
        self.cache_capacity = keys.max(1);
        self
    }

    /// Sets how long the store may take for an answer, before it counts as an outage. 2 seconds by
    /// default. A read of the change feed gets no more than a quarter of the staleness bound of it.
    /// A timeout beyond a day counts as a day.
    pub fn with_lookup_timeout(mut self, timeout: Duration) -> Self {
        self.lookup_timeout = timeout.min(MAX_SPAN);
        self
    }

    /// Sets how often usage is written down, which is what a killed process loses at most. 1 second
    /// by default. An interval beyond a day counts as a day.
    ///
    /// # Panics
    /// When it is zero.
    pub fn with_usage_interval(mut self, interval: Duration) -> Self {
        assert!(!interval.is_zero(), "usage can't be written down without a pause");
        self.usage_interval = interval.min(MAX_SPAN);
        self
    }

    /// Sets what the store's list of nodes calls this service. By default the machine's name and the
    /// number of the process, such as `api-7f9c:4711`.
    pub fn with_node_name(mut self, name: NodeName) -> Self {
        self.node_name = Some(name);
        self
    }

    /// Sets how often this service tells the store that it is there, when there is nothing else to
    /// tell. 10 seconds by default; it is never less than the staleness bound. An interval beyond a
    /// day counts as a day.
    ///
    /// When it could not for three times as long, it passes for gone, and asks the store about every
    /// key until it has.
    ///
    /// # Panics
    /// When it is zero.
    pub fn with_report_interval(mut self, interval: Duration) -> Self {
        assert!(!interval.is_zero(), "reports need a pause between them");
        self.report_interval = interval.min(MAX_SPAN);
        self
    }

    /// Keeps this service off the store's list of nodes: for one that may only read the store, and
    /// for tools that verify nothing.
    ///
    /// Then [`confirmed`](crate::KeyChange::confirmed), here and elsewhere, does not wait for it and
    /// vouches for nothing about it. Revocations reach it all the same, and the staleness bound holds.
    pub fn without_registration(mut self) -> Self {
        self.registers = false;
        self
    }

    /// Reads time from here, in tests.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts the service, and with it a task that follows the store's change feed. Until that has
    /// read the feed once, every verification asks the store.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose timers are enabled.
    pub fn build(self) -> KeyService<S, St> {
        let node = self.registers.then(|| {
            let started_at = self.clock.wall();
            Node {
                id: NodeId::new(started_at, arbitrary()),
                name: self.node_name.unwrap_or_else(default_name),
                started_at,
                interval: self.report_interval,
            }
        });
        let core = Core {
            registration: Registration::new(node, self.staleness_bound),
            usage_flushes: SharedAttempts::default(),
            format: self.format,
            store: self.store,
            environments: self.environments,
            usage: UsageCounter::new(),
            clock: self.clock,
            cache: Cache::new(self.staleness_bound, self.cache_capacity),
            lookups: Lookups::new(),
            lookup_timeout: self.lookup_timeout,
            feed_timeout: feed_timeout(self.lookup_timeout, self.staleness_bound),
            runtime: Handle::current(),
        };
        KeyService::start(core, self.poll_interval, self.usage_interval)
    }
}

/// The longest span that the service reckons with. Times are computed from spans in many places, and
/// none of them can overflow within it.
const MAX_SPAN: Duration = Duration::from_secs(24 * 60 * 60);

/// A read of the feed that hangs is given up well within the bound: it may hang on a connection that
/// is dead, while the store is there again for whoever makes a new one.
fn feed_timeout(lookup_timeout: Duration, staleness_bound: Duration) -> Duration {
    const LEAST: Duration = Duration::from_millis(250);
    lookup_timeout.min((staleness_bound / 4).max(LEAST))
}

/// Random bytes for an identity. It is no secret, and must be unlike others: when the operating
/// system gives none, those that seed the standard library's hash maps will do.
fn arbitrary() -> [u8; 8] {
    let mut random = [0; 8];
    match keyfob_core::fill_random(&mut random) {
        Ok(()) => random,
        Err(_) => RandomState::new().hash_one(std::process::id()).to_ne_bytes(),
    }
}

/// The machine's name and the number of the process.
fn default_name() -> NodeName {
    let process = std::process::id();
    let name = machine().and_then(|machine| NodeName::new(&format!("{machine}:{process}")).ok());
    name.unwrap_or_else(|| {
        NodeName::new(&format!("process:{process}")).expect("a word and a number are a name")
    })
}

#[cfg(unix)]
fn machine() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(ToOwned::to_owned)
}

#[cfg(not(unix))]
fn machine() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}
