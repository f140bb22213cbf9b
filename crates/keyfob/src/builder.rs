use std::marker::PhantomData;
use std::sync::Arc;

use keyfob_core::{Environment, KeyFormat, Scope};
use keyfob_store::KeyStore;

use crate::service::Inner;
use crate::{Clock, KeyService, SystemClock};

/// Settles how a [`KeyService`] works, before it does.
#[must_use = "a builder does nothing until `build`"]
pub struct KeyServiceBuilder<S, St> {
    format: KeyFormat,
    store: St,
    environments: Vec<Environment>,
    clock: Arc<dyn Clock>,
    scope: PhantomData<fn() -> S>,
}

impl<S: Scope, St: KeyStore> KeyServiceBuilder<S, St> {
    pub(crate) fn new(format: KeyFormat, store: St) -> Self {
        Self {
            format,
            store,
            environments: Environment::ALL.to_vec(),
            clock: Arc::new(SystemClock),
            scope: PhantomData,
        }
    }

    /// Accepts keys of this environment only. By default both are accepted.
    pub fn with_environment(mut self, environment: Environment) -> Self {
        self.environments = vec![environment];
        self
    }

    /// Reads time from here, in tests.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts the service.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn build(self) -> KeyService<S, St> {
        KeyService::start(Inner {
            format: self.format,
            store: self.store,
            environments: self.environments,
            clock: self.clock,
            scope: PhantomData,
        })
    }
}
