use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use keyfob::{Outage, Refusal, ScopeNames, VerifyError};

use crate::Realm;
use crate::challenge::challenge;

/// Why a request was not let through.
///
/// The variants are for logs and metrics. What a client may learn is what [`status`](Self::status),
/// [`code`](Self::code), [`scope`](Self::scope) and `Display` tell: for every
/// [`Refused`](Self::Refused) key the same.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no credential, and one is needed.
    NoCredential,
    /// There is an `Authorization` header, and its scheme is not `Bearer`.
    UnsupportedScheme,
    /// There is more than one credential.
    TwoCredentials,
    /// The key is not accepted, for a reason that is none of the client's business.
    Refused(Refusal),
    /// The key is good, and may not do this.
    MissingScope {
        /// All scopes that are needed.
        required: ScopeNames,
    },
    /// Nobody can tell whether the key is good.
    Unavailable(Outage),
    /// The service is put together wrongly: a key is required here, and there is no
    /// [`ApiKeyLayer`](crate::ApiKeyLayer) around that would have looked for one.
    LayerMissing,
}

impl Rejection {
    /// The status of the answer: 400, 401, 403, 500 or 503.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TwoCredentials => StatusCode::BAD_REQUEST,
            Self::NoCredential | Self::UnsupportedScheme | Self::Refused(_) => {
                StatusCode::UNAUTHORIZED
            }
            Self::MissingScope { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::LayerMissing => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The error code: of RFC 6750 §3.1 where it has one, else of RFC 6749. There is none when no
    /// key was sent, as §3.1 asks for.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::NoCredential | Self::UnsupportedScheme => None,
            Self::TwoCredentials => Some("invalid_request"),
            Self::Refused(_) => Some("invalid_token"),
            Self::MissingScope { .. } => Some("insufficient_scope"),
            Self::Unavailable(_) => Some("temporarily_unavailable"),
            Self::LayerMissing => Some("server_error"),
        }
    }

    /// The scopes that are needed, with spaces between them, when that is what is wrong.
    ///
    /// A name that RFC 6750 §3 does not allow in a challenge is left out.
    #[must_use]
    pub fn scope(&self) -> Option<Cow<'_, str>> {
        let Self::MissingScope { required } = self else { return None };
        let allowed =
            |name: &&str| name.bytes().all(|b| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~'));
        if required.iter().all(|name| allowed(&name)) {
            return Some(required.as_str().into());
        }
        Some(required.iter().filter(allowed).collect::<Vec<_>>().join(" ").into())
    }

    /// The headers that an answer can't do without, whatever its body: `Cache-Control: no-store`,
    /// `WWW-Authenticate` with every 4xx, `Retry-After` with a 503.
    #[must_use]
    pub fn headers(&self, realm: Realm) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = challenge(self, realm) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Self::Unavailable(_) = self {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        headers
    }
}

/// A sentence for the client, which tells nothing that it may not know.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredential => {
                "An API key is needed: send `Authorization: Bearer <key>` or `X-API-Key: <key>`."
            }
            Self::UnsupportedScheme => {
                "The Authorization header must be of the Bearer scheme: `Authorization: Bearer <key>`."
            }
            Self::TwoCredentials => {
                "The request has more than one credential: send one Authorization or X-API-Key header."
            }
            Self::Refused(_) => "The API key is not accepted.",
            Self::MissingScope { .. } => "The API key lacks a scope that this request needs.",
            Self::Unavailable(_) => "API keys can't be checked right now: try again soon.",
            Self::LayerMissing => {
                "The service is misconfigured: this route needs an API key, and no ApiKeyLayer of \
                 its scopes stands around it."
            }
        })
    }
}

/// The source tells the reason of a refusal or outage. It is for logs only.
impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unavailable(outage) => Some(outage),
            _ => None,
        }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::MissingScope { required } => Self::MissingScope { required },
            refusal => Self::Refused(refusal),
        }
    }
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(refusal) => refusal.into(),
            VerifyError::Unavailable(outage) => Self::Unavailable(outage),
            // A kind of answer that this release does not know is no yes, and blames nobody's key.
            _ => Self::Unavailable(Outage::Timeout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_names_that_would_break_a_header_are_left_out() {
        let scope = |names: &str| {
            let required = ScopeNames::parse(names).unwrap();
            Rejection::MissingScope { required }.scope().unwrap().into_owned()
        };
        assert_eq!(scope("org:read org:write"), "org:read org:write");
        assert_eq!(scope("a\"b org:read a\\b é:x"), "org:read");
        assert_eq!(scope("a\"b"), "");
    }
}
