//! Every refusal and failure of the HTTP API, as one JSON shape.

use std::borrow::Cow;
use std::error::Error;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyfob::{Conflict, CreateError, RequestId, StoreError};
use serde_json::json;

use crate::db::DatabaseError;
use crate::time::rfc3339;

/// What went wrong, for the client.
///
/// As a response it has no body yet: the body names the request, and only the outermost layer
/// ([`request`](crate::request)) knows that name. The error travels there as an extension.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: Code,
    message: Cow<'static, str>,
}

/// The header that marks the answer to a repeated request.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The kinds of error. Their names are part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BadRequest,
    Unauthorized,
    Forbidden,
    PlanLimitReached,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PayloadTooLarge,
    InternalError,
    ServiceUnavailable,
}

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    pub(crate) fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    pub(crate) fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// The failure of something behind the API. What failed is for the log, not for the client.
    pub(crate) fn failure(error: &dyn Error, transient: bool) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain = format!("{chain}: {cause}");
            source = cause.source();
        }
        if transient {
            tracing::warn!(error = chain, "a request could not be served for now");
            Self::unavailable()
        } else {
            tracing::error!(error = chain, "a request failed");
            Self::internal()
        }
    }

    /// The panic of a handler. Its message is in the log already: the panic hook wrote it.
    pub(crate) fn panicked() -> Self {
        tracing::error!("a handler panicked");
        Self::internal()
    }

    fn internal() -> Self {
        Self::new(Code::InternalError, "something failed here, and it is not your request")
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(Code::ServiceUnavailable, "the service can't answer right now: try again soon")
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The body, now that the request has a name.
    pub(crate) fn body(&self, request: &RequestId) -> String {
        let error = json!({
            "code": self.code.as_str(),
            "message": self.message,
            "request_id": request.as_str(),
        });
        json!({ "error": error }).to_string()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if self.code == Code::ServiceUnavailable {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl Code {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::PlanLimitReached => "PLAN_LIMIT_REACHED",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Conflict => "CONFLICT",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::InternalError => "INTERNAL_ERROR",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::PlanLimitReached => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound => Self::not_found(error.to_string()),
            StoreError::LimitReached { .. } => Self::new(Code::PlanLimitReached, error.to_string()),
            StoreError::Conflict(Conflict::StillRotating { until }) => {
                Self::conflict(format!("{error}: it ends at {}", rfc3339(*until)))
            }
            StoreError::Conflict(Conflict::Expired { since }) => {
                Self::conflict(format!("{error}: it expired at {}", rfc3339(*since)))
            }
            StoreError::Conflict(Conflict::IdempotencyMismatch | Conflict::Revoked) => {
                Self::conflict(error.to_string())
            }
            _ => Self::failure(&error, error.is_transient()),
        }
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Store(error) => error.into(),
            CreateError::NoScopes | CreateError::ExpiryNotInFuture => {
                Self::bad_request(error.to_string())
            }
            _ => Self::failure(&error, true),
        }
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        if error.is_lost_race() {
            return Self::conflict(
                "Another change came first. Read the current state, then repeat the request.",
            );
        }
        Self::failure(&error, error.is_transient())
    }
}
