use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use keyfob::Scope;

use crate::respond::Answers;
use crate::{AuthenticatedKey, Rejection};

/// Refuses a request without a credential, and one that no layer has seen.
impl<S: Scope, T: Sync> FromRequestParts<T> for AuthenticatedKey<S> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, Rejection> {
        Self::of(&parts.extensions).cloned()
    }
}

/// Refuses a request that no layer has seen: that nobody looked for a key does not mean that there
/// is none.
impl<S: Scope, T: Sync> OptionalFromRequestParts<T> for AuthenticatedKey<S> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Option<Self>, Rejection> {
        match Self::of(&parts.extensions) {
            Ok(key) => Ok(Some(key.clone())),
            Err(Rejection::NoCredential) => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// Answers as [`ProblemJson`](crate::ProblemJson) does, in the default realm.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        Answers::default().answer_without_request::<Body>(&self)
    }
}
