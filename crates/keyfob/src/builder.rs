use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use keyfob_core::{Environment, KeyFormat, Scope};
use keyfob_store::KeyStore;
use tokio::runtime::Handle;

use crate::cache::Cache;
use crate::core::{Core, Environments};
use crate::lookups::Lookups;
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
    /// The change feed is polled five times within the bound, and at least every second.
    pub fn with_staleness_bound(mut self, bound: Duration) -> Self {
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
    /// default.
    pub fn with_lookup_timeout(mut self, timeout: Duration) -> Self {
        self.lookup_timeout = timeout;
        self
    }

    /// Sets how often usage is written down, which is what a killed process loses at most. 1 second
    /// by default.
    ///
    /// # Panics
    /// When it is zero.
    pub fn with_usage_interval(mut self, interval: Duration) -> Self {
        assert!(!interval.is_zero(), "usage can't be written down without a pause");
        self.usage_interval = interval;
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
        let core = Core {
            format: self.format,
            store: self.store,
            environments: self.environments,
            usage: UsageCounter::new(),
            clock: self.clock,
            cache: Cache::new(self.staleness_bound, self.cache_capacity),
            lookups: Lookups::new(),
            lookup_timeout: self.lookup_timeout,
            runtime: Handle::current(),
        };
        KeyService::start(core, self.poll_interval, self.usage_interval)
    }
}
