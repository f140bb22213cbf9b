use keyfob_core::{Environment, ScopeSet};
use keyfob_store::{KeyId, OrganizationId};

/// Who a request comes from: what a successful verification yields.
#[derive(Clone, Debug, PartialEq, Eq)]
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
