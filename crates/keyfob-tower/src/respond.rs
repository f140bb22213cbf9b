use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request, Response};

use crate::{Realm, Rejection};

/// Writes the answer to a request that is not let through.
///
/// [`ProblemJson`] is one, and so is every closure of this signature. The headers that an answer
/// can't do without ([`Rejection::headers`]) are added to whatever it returns.
pub trait Respond<B> {
    /// Answers the request, whose body was not read.
    fn respond(&self, rejection: &Rejection, request: &Parts) -> Response<B>;
}

impl<F, B> Respond<B> for F
where
    F: Fn(&Rejection, &Parts) -> Response<B>,
{
    fn respond(&self, rejection: &Rejection, request: &Parts) -> Response<B> {
        self(rejection, request)
    }
}

/// Answers with problem details (RFC 9457), in any body that can be made of bytes:
///
/// ```text
/// {"type":"about:blank","title":"Unauthorized","status":401,"detail":"…","error":"invalid_token"}
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemJson;

impl<B: From<Bytes>> Respond<B> for ProblemJson {
    fn respond(&self, rejection: &Rejection, _: &Parts) -> Response<B> {
        problem(rejection)
    }
}

fn problem<B: From<Bytes>>(rejection: &Rejection) -> Response<B> {
    let status = rejection.status();
    let title = status.canonical_reason().unwrap_or_default();
    let error = rejection.code().map(|code| format!(r#","error":"{code}""#)).unwrap_or_default();
    let scope = rejection.scope().map(|scope| format!(r#","scope":"{scope}""#)).unwrap_or_default();
    // None of the parts has a character that JSON would want escaped: `scope` sees to its own.
    let json = format!(
        r#"{{"type":"about:blank","title":"{title}","status":{},"detail":"{rejection}"{error}{scope}}}"#,
        status.as_u16()
    );

    let mut response = Response::new(B::from(json.into()));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// How a layer answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answers<R> {
    pub(crate) realm: Realm,
    pub(crate) responder: R,
}

impl<R> Answers<R> {
    pub(crate) fn answer<ReqBody, B>(
        &self,
        rejection: &Rejection,
        request: Request<ReqBody>,
    ) -> Response<B>
    where
        R: Respond<B>,
    {
        let (request, _body) = request.into_parts();
        let mut response = self.responder.respond(rejection, &request);
        response.headers_mut().extend(rejection.headers(self.realm));
        response
    }
}

impl Answers<ProblemJson> {
    #[cfg(feature = "axum")]
    pub(crate) fn answer_without_request<B: From<Bytes>>(
        self,
        rejection: &Rejection,
    ) -> Response<B> {
        let mut response = problem(rejection);
        response.headers_mut().extend(rejection.headers(self.realm));
        response
    }
}
