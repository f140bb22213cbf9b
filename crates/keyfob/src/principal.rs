use std::fmt;

use keyfob_core::{Environment, Scope, ScopeSet};
use keyfob_store::{KeyId, OrganizationId};

/// Who a request comes from: what a successful verification yields.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal<S> {
    /// The key that was presented.
    pub key: KeyId,
    /// The organization that owns it.
    pub organization: OrganizationId,
    /// Live or test.
    pub environment: Environment,
    /// What it may do.
    pub scopes: ScopeSet<S>,
}

impl<S: Scope> fmt::Debug for Principal<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("key", &self.key)
            .field("organization", &self.organization)
            .field("environment", &self.environment)
            .field("scopes", &self.scopes)
            .finish()
    }
}
