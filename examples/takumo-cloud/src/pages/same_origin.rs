//! Refuses what another site made the browser send.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::front::Front;
use crate::error::ApiError;

/// Lets a request that may change something through only when the browser says that a page of this
/// site made it: by `Sec-Fetch-Site`, or by an `Origin` that is [its own](Front::is_origin). A request that says
/// neither is no form of ours. Every browser of the last years says one of them with each POST.
///
/// It stands beside the token that each form has (see [`submission`](super::submission)), and alone
/// where nobody is signed in yet.
pub(super) async fn require(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || is_of_this_site(request.headers(), &front) {
        return next.run(request).await;
    }
    ApiError::forbidden("this request did not come from a page of this site").into_response()
}

fn is_of_this_site(headers: &HeaderMap, front: &Front) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text(header::HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => front.is_origin(origin, headers),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn allowed(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        is_of_this_site(&headers.collect(), &Front::Loopback)
    }

    #[test]
    fn only_a_page_of_this_site_may_change_anything() {
        let host = ("host", "127.0.0.1:8080");
        assert!(allowed(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[host, ("origin", "http://127.0.0.1:8080")]));
        for refused in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://127.0.0.1:8081")],
            &[host, ("origin", "http://evil.example")],
            &[("origin", "http://")],
            // A page of another port of this host, or of a sister domain.
            &[host, ("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8080")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(!allowed(refused), "{refused:?}");
        }
    }
}
