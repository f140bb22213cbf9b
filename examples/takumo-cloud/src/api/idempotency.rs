use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use keyfob::IdempotencyToken;

use crate::error::ApiError;
use crate::json;
use crate::scanner;

/// The `Idempotency-Key` of a request that a client may send twice, if it has one.
#[derive(Clone, Debug)]
pub(super) struct Idempotency(pub(super) Option<IdempotencyToken>);

impl<S: Sync> FromRequestParts<S> for Idempotency {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or("\0");
        if values.next().is_some() {
            return Err(ApiError::bad_request("the Idempotency-Key header stands there twice"));
        }
        if scanner::mentions_key(text) {
            return Err(json::holds_key("the Idempotency-Key header"));
        }
        IdempotencyToken::new(text)
            .map(|token| Self(Some(token)))
            .map_err(|error| ApiError::bad_request(format!("Idempotency-Key: {error}")))
    }
}
