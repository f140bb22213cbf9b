//! Who a request comes from, and Takumo's way of saying that it may not.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use keyfob::{Actor, Author, DynStore, Environment, Principal, RequestId};
use keyfob_tower::{ApiKeyLayer, AuthenticatedKey, Realm, Rejection};

use crate::app::Keys;
use crate::db::Tenant;
use crate::error::{ApiError, Code};
use crate::takumo::Scope;

/// The layer that asks every request for a key, and answers in Takumo's shape.
pub(crate) type Authentication = ApiKeyLayer<Scope, DynStore, Responder>;
pub(crate) type Responder = fn(&Rejection, &Parts) -> Response;

const REALM: Realm = Realm::new("takumo");

pub(crate) fn authentication(keys: &Keys) -> Authentication {
    ApiKeyLayer::new(keys.clone()).with_realm(REALM).with_responder(respond as Responder)
}

/// The key of a request and the request's name: what handlers need to know of their caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal<Scope>,
    request: RequestId,
}

impl Caller {
    /// Whose scans, gateways and policies these are.
    pub(crate) fn tenant(&self) -> Tenant {
        Tenant {
            organization: self.principal.organization.clone(),
            environment: self.principal.environment,
        }
    }

    /// Who the audit log will name: the key, not the person behind it.
    pub(crate) fn actor(&self) -> Actor {
        Actor::new(&format!("key:{}", self.principal.key))
            .expect("`key:` and a UUID are 40 visible characters")
    }

    /// The same, in this request.
    pub(crate) fn author(&self) -> Author {
        Author::from(self.actor()).with_request_id(self.request.clone())
    }

    /// Whether it may see and touch keys of this environment. Test keys lie around in places where
    /// live ones don't, so they reach nothing live; a live key manages both.
    pub(crate) fn reaches(&self, environment: Environment) -> bool {
        self.principal.environment == Environment::Live || environment == Environment::Test
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let key: Result<AuthenticatedKey<Scope>, _> =
            AuthenticatedKey::from_request_parts(parts, state).await;
        let principal = key.map_err(|rejection| refusal(&rejection))?.into_principal();
        match parts.extensions.get::<RequestId>() {
            Some(request) => Ok(Self { principal, request: request.clone() }),
            None => Err(ApiError::new(Code::InternalError, "the request has no name")),
        }
    }
}

fn respond(rejection: &Rejection, _: &Parts) -> Response {
    refusal(rejection).into_response()
}

fn refusal(rejection: &Rejection) -> ApiError {
    match rejection {
        Rejection::MissingScope { required } => {
            ApiError::forbidden(format!("this needs a key with the scope {required}"))
        }
        Rejection::Unavailable(outage) => ApiError::failure(outage, true),
        _ => {
            let code = match rejection.status().as_u16() {
                400 => Code::BadRequest,
                401 => Code::Unauthorized,
                403 => Code::Forbidden,
                503 => Code::ServiceUnavailable,
                _ => Code::InternalError,
            };
            tracing::debug!(reason = reason(rejection), "a request was not let through");
            ApiError::new(code, rejection.to_string())
        }
    }
}

/// One word for the log. The client is told no reason.
fn reason(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::Refused(refusal) => refusal.as_str(),
        Rejection::NoCredential => "no_credential",
        Rejection::UnsupportedScheme => "unsupported_scheme",
        Rejection::TwoCredentials => "two_credentials",
        _ => "other",
    }
}
