//! Refusals and failures, as pages.

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use keyfob::RequestId;
use maud::html;

use super::come_back::Next;
use super::layout;
use super::signed_in::{Seen, SignedIn};
use crate::app::App;
use crate::error::{ApiError, Code};

/// Writes the error that an answer brings along as a page, before the outermost layer writes it as
/// JSON. A person who is signed in keeps the navigation.
pub(super) async fn as_pages(
    State(app): State<App>,
    request: Request,
    next: middleware::Next,
) -> Response {
    let (mut asked, body) = request.into_parts();
    let seen = Seen::default();
    asked.extensions.insert(seen.clone());
    let mut response = next.run(Request::from_parts(asked.clone(), body)).await;
    if response.extensions().get::<Unknown>().is_some() && !wants_page(&asked) {
        return response;
    }
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let mut by = seen.0.get().cloned();
    if by.is_none() && matches!(error.code(), Code::NotFound | Code::MethodNotAllowed) {
        // No handler has asked for the person.
        by = SignedIn::from_request_parts(&mut asked, &app).await.ok();
    }
    write(&mut response, page(&error, &asked, by.as_ref()));
    response
}

/// Writes a page for a failure that has none, such as that of the sessions.
pub(super) async fn last_resort(request: Request, next: middleware::Next) -> Response {
    let (asked, body) = request.into_parts();
    let is_page = wants_page(&asked);
    let mut response = next.run(Request::from_parts(asked.clone(), body)).await;
    let is_bare = response.status().is_server_error()
        && response.extensions().get::<ApiError>().is_none()
        && !response.headers().contains_key(CONTENT_TYPE);
    if is_page && is_bare {
        let error = ApiError::new(Code::InternalError, "the request failed: try again");
        write(&mut response, page(&error, &asked, None));
    }
    response
}

fn write(response: &mut Response, page: String) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, page.len().into());
    *response.body_mut() = Body::from(page);
}

/// Marks the answer to a path that does not exist.
#[derive(Clone, Copy)]
struct Unknown;

/// Answers a path that does not exist: a browser with a page, and a program with JSON.
pub(super) async fn unknown(request: Request) -> Response {
    let what = if is_of_api(request.uri().path()) { "route" } else { "page" };
    let error = ApiError::not_found(format!("there is no such {what}"));
    let mut response = error.into_response();
    response.extensions_mut().insert(Unknown);
    response
}

/// Returns true if a browser asked for this, outside the API.
fn wants_page(asked: &Parts) -> bool {
    let accepts = asked.headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    !is_of_api(asked.uri.path()) && accepts.into_iter().any(|accept| accept.contains("text/html"))
}

fn is_of_api(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/") || path == "/healthz" || path == "/readyz"
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "this page is not asked for in this way")
}

fn page(error: &ApiError, asked: &Parts, by: Option<&SignedIn>) -> String {
    let title = match error.code() {
        Code::BadRequest | Code::PayloadTooLarge => "That did not work",
        Code::Unauthorized | Code::Forbidden => "Not allowed",
        Code::PlanLimitReached => "Your plan's limit is reached",
        Code::NotFound => "Not found",
        Code::MethodNotAllowed => "Not like that",
        Code::Conflict => "That is not possible any more",
        Code::InternalError => "Something went wrong",
        Code::ServiceUnavailable => "Try again in a moment",
    };
    let sent = !matches!(asked.method, Method::GET | Method::HEAD);
    let form = Next::of(&asked.method, &asked.uri).filter(|_| sent && by.is_some());
    let address = form.as_ref().map(Next::as_str);
    let body = html! {
        div.card.narrow.stack data-address=[address] {
            h1 { (title) }
            p { (sentence(error.message())) }
            p.actions {
                @if let Some(address) = address { a.button.primary href=(address) { "Open the form again" } }
                a.button href="/settings/api-keys" { "API keys" }
            }
            @if let Some(request) = asked.extensions.get::<RequestId>() {
                p.muted.small { "Request " code { (request.as_str()) } }
            }
        }
    };
    match by {
        Some(by) => layout::page(by, None, title, &body).0,
        None => layout::alone(title, &body).into_string(),
    }
}

/// Messages of errors begin in lower case and have no stop, since they are put together.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(char::to_uppercase);
    let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_text() {
        let (asked, ()) = axum::http::Request::new(()).into_parts();
        let page = page(&ApiError::bad_request("<b>is no name</b>"), &asked, None);
        assert!(page.contains("&lt;b&gt;is no name&lt;/b&gt;."), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
