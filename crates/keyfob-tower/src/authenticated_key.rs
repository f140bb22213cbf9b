use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use http::Extensions;
use keyfob::{Principal, Requirement, Scope};

use crate::Rejection;

/// Who the request comes from: in the extensions of every request that an
/// [`ApiKeyLayer`](crate::ApiKeyLayer) let through with a key.
///
/// Only the layer makes one, after the key was verified. With the feature `axum` it is an
/// extractor. `Option<AuthenticatedKey<S>>` is one too, and is `None` only when the request came
/// without any credential and the layer is [`optional`](crate::ApiKeyLayer::optional).
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticatedKey<S>(Principal<S>);

impl<S: Scope> AuthenticatedKey<S> {
    pub(crate) const fn new(principal: Principal<S>) -> Self {
        Self(principal)
    }

    /// What the verification yielded.
    #[must_use]
    pub const fn principal(&self) -> &Principal<S> {
        &self.0
    }

    /// The same, by value.
    #[must_use]
    pub fn into_principal(self) -> Principal<S> {
        self.0
    }

    /// Checks what only the handler can know that it needs.
    ///
    /// # Errors
    /// [`Rejection::MissingScope`], or [`Rejection::Refused`] for the wrong environment.
    pub fn require(&self, requirement: impl Into<Requirement<S>>) -> Result<(), Rejection> {
        Ok(requirement.into().check(&self.0)?)
    }

    /// The key of a request that an `ApiKeyLayer` has seen.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Self, Rejection> {
        match extensions.get() {
            Some(key) => Ok(key),
            None if Anonymous::<S>::is_marked(extensions) => Err(Rejection::NoCredential),
            None => Err(Rejection::LayerMissing),
        }
    }
}

impl<S: Scope> fmt::Debug for AuthenticatedKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthenticatedKey").field(&self.0).finish()
    }
}

impl<S> Deref for AuthenticatedKey<S> {
    type Target = Principal<S>;

    fn deref(&self) -> &Principal<S> {
        &self.0
    }
}

/// Marks a request that a layer let through without a credential, so that it is told apart from
/// one that no layer has seen.
#[derive(Clone)]
pub(crate) struct Anonymous<S>(PhantomData<fn() -> S>);

impl<S: Scope> Anonymous<S> {
    pub(crate) fn mark(extensions: &mut Extensions) {
        extensions.insert(Self(PhantomData));
    }

    fn is_marked(extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some()
    }
}
