//! The outermost layer: names the request, answers errors as JSON, writes the access log.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use keyfob::RequestId;
use tracing::Instrument;

use crate::changes::Changes;
use crate::error::ApiError;
use crate::{scanner, unread};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Serves one request.
///
/// The name is always our own. One that a client sends is not taken over: it stands in the audit
/// log, which is no place for what a caller may choose.
pub(crate) async fn carry(
    State(changes): State<Changes>,
    request: Request,
    next: Next,
) -> Response {
    let id = new_id();
    let (parts, body) = request.into_parts();
    let (body, unread) = unread::lend(body);
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(id.clone());
    let line = (request.method().clone(), loggable(request.uri().path()));
    let begun = Instant::now();

    let span = tracing::info_span!("request", id = id.as_str());
    let mut response = changes.serve(request, next).instrument(span).await;

    let error = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &error {
        let body = error.body(&id);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
        *response.body_mut() = Body::from(body);
    }
    let headers = response.headers_mut();
    if !unread.drain().await {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert_with(|| HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, value);
    }

    let (method, path) = line;
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    let code = error.map(|error| error.code().as_str());
    tracing::info!(request = id.as_str(), %method, path, status, code, micros, "served");
    response
}

fn new_id() -> RequestId {
    let id = format!("req_{}", uuid::Uuid::now_v7().simple());
    RequestId::new(&id).expect("`req_` and 32 hex digits are visible ASCII")
}

/// The path for the log, without its query and cut to a bearable length. A path that may hold a key
/// is left out, in whichever way it is encoded.
fn loggable(path: &str) -> String {
    if scanner::may_hold_key(path) {
        return "(holds a key)".into();
    }
    path.chars().take(200).collect()
}
