use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyfob::{IssuedOnce, Timestamp};
use serde::Serialize;

use crate::error::REPLAYED;
use crate::views::KeyView;

/// The answer that has a plaintext in it: that of a request for a new secret.
pub(super) struct Issued {
    /// The status when the secret is new. A repeated request is answered 200.
    pub(super) first: StatusCode,
    pub(super) key: IssuedOnce,
    pub(super) now: Timestamp,
}

#[derive(Serialize)]
struct IssuedJson<'k> {
    key: KeyView,
    /// Null when the request was a repeated one: the plaintext was shown the first time.
    api_key: Option<&'k str>,
}

impl IntoResponse for Issued {
    fn into_response(self) -> Response {
        let (status, key, api_key) = match &self.key {
            IssuedOnce::New(new) => (self.first, &new.key, Some(new.api_key.expose_secret())),
            IssuedOnce::Replayed(key) => (StatusCode::OK, key, None),
        };
        let body = IssuedJson { key: KeyView::new(key, self.now), api_key };
        let mut response = (status, Json(body)).into_response();
        if matches!(self.key, IssuedOnce::Replayed(_)) {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
