use std::fmt;

use keyfob_core::{Environment, Scope, ScopeSet};

use crate::{Principal, Refusal};

/// What a request needs of the key that it is made with: scopes, all of them, and perhaps an
/// environment. The default asks for any key at all.
///
/// ```
/// keyfob::scopes! { enum Scope { Read => "org:read", Write => "org:write" } }
/// use keyfob::{Environment, Requirement};
///
/// let read = Requirement::from(Scope::Read);
/// let live_write = Requirement::from(Scope::Read | Scope::Write).in_environment(Environment::Live);
/// # let _ = (read, live_write);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Requirement<S> {
    scopes: ScopeSet<S>,
    environment: Option<Environment>,
}

impl<S> Requirement<S> {
    /// Any key that this service accepts.
    pub const ANY_KEY: Self = Self { scopes: ScopeSet::EMPTY, environment: None };

    /// A key that holds all of these scopes.
    #[must_use]
    pub const fn scopes(scopes: ScopeSet<S>) -> Self {
        Self { scopes, environment: None }
    }

    /// The same, and of this environment.
    #[must_use]
    pub const fn in_environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }
}

impl<S: Scope> Requirement<S> {
    /// Whether the principal meets it.
    ///
    /// # Errors
    /// [`Refusal::WrongEnvironment`], or else [`Refusal::MissingScope`].
    pub fn check(&self, principal: &Principal<S>) -> Result<(), Refusal> {
        if self.environment.is_some_and(|required| required != principal.environment) {
            return Err(Refusal::WrongEnvironment);
        }
        if !principal.scopes.is_superset(self.scopes) {
            return Err(Refusal::MissingScope { required: self.scopes.into() });
        }
        Ok(())
    }
}

impl<S: Scope> From<S> for Requirement<S> {
    fn from(scope: S) -> Self {
        Self::scopes(scope.into())
    }
}

impl<S> From<ScopeSet<S>> for Requirement<S> {
    fn from(scopes: ScopeSet<S>) -> Self {
        Self::scopes(scopes)
    }
}

impl<S> Default for Requirement<S> {
    fn default() -> Self {
        Self::ANY_KEY
    }
}

impl<S: Scope> fmt::Debug for Requirement<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requirement")
            .field("scopes", &self.scopes)
            .field("environment", &self.environment)
            .finish()
    }
}
