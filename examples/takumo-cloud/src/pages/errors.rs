//! Refusals and failures, as pages.

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;
use keyfob::RequestId;
use maud::html;

use super::layout;
use crate::error::{ApiError, Code};

/// Writes the error that an answer brings along as a page, before the outermost layer writes it as
/// JSON.
pub(super) async fn as_pages(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let page = page(&error, id.as_ref());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, page.len().into());
    *response.body_mut() = Body::from(page);
    response
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "this page is not asked for in this way")
}

fn page(error: &ApiError, request: Option<&RequestId>) -> String {
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
    let body = html! {
        div.card.stack {
            h1 { (title) }
            p { (sentence(error.message())) }
            p { a.button href="/settings/api-keys" { "API keys" } }
            @if let Some(request) = request {
                p.muted.small { "Request " code { (request.as_str()) } }
            }
        }
    };
    layout::alone(title, &body).into_string()
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
        let page = page(&ApiError::bad_request("<b>is no name</b>"), None);
        assert!(page.contains("&lt;b&gt;is no name&lt;/b&gt;."), "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }
}
