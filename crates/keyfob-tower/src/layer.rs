use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use keyfob::{KeyService, KeyStore, Requirement, Scope};
use tower_layer::Layer;
use tower_service::Service;

use crate::authenticated_key::Anonymous;
use crate::credential::Credential;
use crate::respond::Answers;
use crate::{ApiKeyFuture, AuthenticatedKey, ProblemJson, Realm, Rejection, RequireLayer, Respond};

/// Lets only requests with a good API key through to the service within.
///
/// The key is read from `Authorization: Bearer <key>` or `X-API-Key: <key>`, and from nowhere else.
/// The service within is not called before the key was verified; it finds an [`AuthenticatedKey`]
/// in the request's extensions.
///
/// ```
/// # use std::convert::Infallible;
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use http_body_util::Full;
/// # use keyfob::{KeyFormat, KeyService};
/// # use keyfob_memory::MemoryStore;
/// # use tower::{ServiceBuilder, ServiceExt};
/// use keyfob_tower::{ApiKeyLayer, AuthenticatedKey};
///
/// keyfob::scopes! { enum Scope { ShieldRead => "shield:read" } }
///
/// async fn whoami(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
///     let key = request.extensions().get::<AuthenticatedKey<Scope>>().expect("the layer put it there");
///     Ok(Response::new(key.organization.to_string().into()))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let keys = KeyService::<Scope, _>::builder(KeyFormat::new("tk"), MemoryStore::new()).build();
/// let service = ServiceBuilder::new().layer(ApiKeyLayer::new(keys)).service_fn(whoami);
/// let response = service.oneshot(Request::new(Full::default())).await.unwrap();
/// assert_eq!(response.status(), 401);
/// # }
/// ```
pub struct ApiKeyLayer<S, St, R = ProblemJson> {
    keys: KeyService<S, St>,
    requirement: Requirement<S>,
    without_credential: WithoutCredential,
    answers: Answers<R>,
}

/// What happens to a request that has no credential.
#[derive(Clone, Copy, Debug)]
enum WithoutCredential {
    Refuse,
    LetThrough,
}

impl<S: Scope, St: KeyStore> ApiKeyLayer<S, St> {
    /// Requires a key of this service.
    #[must_use]
    pub fn new(keys: KeyService<S, St>) -> Self {
        Self {
            keys,
            requirement: Requirement::ANY_KEY,
            without_credential: WithoutCredential::Refuse,
            answers: Answers::default(),
        }
    }
}

impl<S: Scope, St: KeyStore, R> ApiKeyLayer<S, St, R> {
    /// Lets requests without any credential through, without an [`AuthenticatedKey`]. A credential
    /// that is sent must still be good.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.without_credential = WithoutCredential::LetThrough;
        self
    }

    /// Requires this of every key.
    #[must_use]
    pub fn with_requirement(mut self, requirement: impl Into<Requirement<S>>) -> Self {
        self.requirement = requirement.into();
        self
    }

    /// Names what is protected. The default is `api`.
    #[must_use]
    pub fn with_realm(mut self, realm: Realm) -> Self {
        self.answers.realm = realm;
        self
    }

    /// Answers with this function's responses in place of [`ProblemJson`]. The headers that an
    /// answer can't do without are added to them.
    #[must_use]
    pub fn with_responder<F, B>(self, responder: F) -> ApiKeyLayer<S, St, F>
    where
        F: Fn(&Rejection, &Parts) -> Response<B>,
    {
        ApiKeyLayer {
            keys: self.keys,
            requirement: self.requirement,
            without_credential: self.without_credential,
            answers: Answers { realm: self.answers.realm, responder },
        }
    }

    /// A layer for a route within this one, which requires more and answers like this one.
    pub fn require(&self, requirement: impl Into<Requirement<S>>) -> RequireLayer<S, R>
    where
        R: Clone,
    {
        RequireLayer::new(requirement.into(), self.answers.clone())
    }

    /// A layer for a route within this one, which requires a scope and answers like this one.
    pub fn require_scope(&self, scope: S) -> RequireLayer<S, R>
    where
        R: Clone,
    {
        self.require(scope)
    }
}

impl<S: Scope, St: KeyStore, R: Clone, I> Layer<I> for ApiKeyLayer<S, St, R> {
    type Service = ApiKeyService<I, S, St, R>;

    fn layer(&self, inner: I) -> Self::Service {
        ApiKeyService { inner, layer: Arc::new(self.clone()) }
    }
}

/// The service that an [`ApiKeyLayer`] makes.
pub struct ApiKeyService<I, S, St, R = ProblemJson> {
    inner: I,
    /// Behind one pointer, because some servers clone their services for each request.
    layer: Arc<ApiKeyLayer<S, St, R>>,
}

impl<I, S, St, R, ReqBody, ResBody> Service<Request<ReqBody>> for ApiKeyService<I, S, St, R>
where
    I: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    S: Scope,
    St: KeyStore,
    R: Respond<ResBody> + Send + Sync + 'static,
    ReqBody: Send + 'static,
    ResBody: 'static,
{
    type Response = Response<ResBody>;
    type Error = I::Error;
    type Future = ApiKeyFuture<I, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match self.layer.judge(&mut request) {
            Verdict::LetThrough => ApiKeyFuture::inner(self.inner.call(request)),
            Verdict::Reject(rejection) => {
                ApiKeyFuture::answered(self.layer.answers.answer(&rejection, request))
            }
            Verdict::Ask(credential) => {
                // It is `self.inner` that was polled ready; its clone may not be.
                let unready = self.inner.clone();
                let ready = mem::replace(&mut self.inner, unready);
                let layer = Arc::clone(&self.layer);
                ApiKeyFuture::asking(ready, async move {
                    match layer.keys.authorize(&credential, layer.requirement).await {
                        Ok(principal) => {
                            request.extensions_mut().insert(AuthenticatedKey::new(principal));
                            Ok(request)
                        }
                        Err(error) => Err(layer.answers.answer(&error.into(), request)),
                    }
                })
            }
        }
    }
}

/// What can be said of a request without waiting.
enum Verdict {
    LetThrough,
    Reject(Rejection),
    /// Only the store can tell.
    Ask(Credential<http::HeaderValue>),
}

impl<S: Scope, St: KeyStore, R> ApiKeyLayer<S, St, R> {
    fn judge<B>(&self, request: &mut Request<B>) -> Verdict {
        let credential = match (Credential::find(request.headers_mut()), self.without_credential) {
            (Ok(Some(credential)), _) => credential,
            (Ok(None), WithoutCredential::LetThrough) => {
                Anonymous::<S>::mark(request.extensions_mut());
                return Verdict::LetThrough;
            }
            (Ok(None), WithoutCredential::Refuse) => {
                return Verdict::Reject(Rejection::NoCredential);
            }
            (Err(rejection), _) => return Verdict::Reject(rejection),
        };
        match self.keys.authorize_at_once(&credential, self.requirement) {
            Some(Ok(principal)) => {
                request.extensions_mut().insert(AuthenticatedKey::new(principal));
                Verdict::LetThrough
            }
            Some(Err(error)) => Verdict::Reject(error.into()),
            None => Verdict::Ask(credential.cloned()),
        }
    }
}

// Not derived: a derive would ask the same of `S` and `St`.
impl<S, St, R: Clone> Clone for ApiKeyLayer<S, St, R>
where
    S: Scope,
{
    fn clone(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            requirement: self.requirement,
            without_credential: self.without_credential,
            answers: self.answers.clone(),
        }
    }
}

impl<I: Clone, S, St, R> Clone for ApiKeyService<I, S, St, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: Arc::clone(&self.layer) }
    }
}

impl<S: Scope, St, R> fmt::Debug for ApiKeyLayer<S, St, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyLayer")
            .field("keys", &self.keys)
            .field("requirement", &self.requirement)
            .field("without_credential", &self.without_credential)
            .field("realm", &self.answers.realm)
            .finish_non_exhaustive()
    }
}

impl<I: fmt::Debug, S: Scope, St, R> fmt::Debug for ApiKeyService<I, S, St, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}
