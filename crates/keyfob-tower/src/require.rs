use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use keyfob::{Requirement, Scope};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::respond::Answers;
use crate::{AuthenticatedKey, ProblemJson, Realm, Rejection, Respond};

/// Requires a scope on a route, inside of an [`ApiKeyLayer`](crate::ApiKeyLayer).
///
/// ```
/// # use keyfob::{KeyFormat, KeyService};
/// # use keyfob_memory::MemoryStore;
/// use axum::{Router, routing::post};
/// use keyfob_tower::{ApiKeyLayer, require_scope};
///
/// keyfob::scopes! { enum Scope { ShieldWrite => "shield:write" } }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let keys = KeyService::<Scope, _>::builder(KeyFormat::new("tk"), MemoryStore::new()).build();
/// let app: Router = Router::new()
///     .route("/scans", post(async || "scanned"))
///     .route_layer(require_scope(Scope::ShieldWrite))
///     .layer(ApiKeyLayer::new(keys));
/// # let _ = app;
/// # }
/// ```
pub fn require_scope<S: Scope>(scope: S) -> RequireLayer<S> {
    require(scope)
}

/// Requires scopes or an environment on a route, inside of an [`ApiKeyLayer`](crate::ApiKeyLayer).
pub fn require<S: Scope>(requirement: impl Into<Requirement<S>>) -> RequireLayer<S> {
    RequireLayer::new(requirement.into(), Answers::default())
}

/// Lets only requests through whose [`AuthenticatedKey`] meets a requirement.
///
/// It verifies nothing itself. Where no [`ApiKeyLayer`](crate::ApiKeyLayer) stands around it, it
/// lets nothing through and answers 500.
///
/// Make it with [`require`], [`require_scope`], or, to have it answer as the layer around it does,
/// [`ApiKeyLayer::require`](crate::ApiKeyLayer::require).
#[derive(Clone, Copy)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct RequireLayer<S, R = ProblemJson> {
    requirement: Requirement<S>,
    answers: Answers<R>,
}

impl<S: Scope, R> RequireLayer<S, R> {
    pub(crate) const fn new(requirement: Requirement<S>, answers: Answers<R>) -> Self {
        Self { requirement, answers }
    }

    /// Names what is protected. The default is `api`.
    pub fn with_realm(mut self, realm: Realm) -> Self {
        self.answers.realm = realm;
        self
    }

    /// Answers with this function's responses in place of [`ProblemJson`]. The headers that an
    /// answer can't do without are added to them.
    pub fn with_responder<F, B>(self, responder: F) -> RequireLayer<S, F>
    where
        F: Fn(&Rejection, &Parts) -> Response<B>,
    {
        RequireLayer {
            requirement: self.requirement,
            answers: Answers { realm: self.answers.realm, responder },
        }
    }
}

impl<S: Scope, R: Clone, I> Layer<I> for RequireLayer<S, R> {
    type Service = RequireService<I, S, R>;

    fn layer(&self, inner: I) -> Self::Service {
        RequireService { inner, layer: self.clone() }
    }
}

/// The service that a [`RequireLayer`] makes.
#[derive(Clone, Copy)]
pub struct RequireService<I, S, R = ProblemJson> {
    inner: I,
    layer: RequireLayer<S, R>,
}

impl<I, S, R, ReqBody, ResBody> Service<Request<ReqBody>> for RequireService<I, S, R>
where
    I: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S: Scope,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = I::Error;
    type Future = RequireFuture<I::Future, Response<ResBody>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let checked = AuthenticatedKey::of(request.extensions())
            .and_then(|key| key.require(self.layer.requirement));
        let state = match checked {
            Ok(()) => State::Inner { response: self.inner.call(request) },
            Err(rejection) => {
                State::Answered { response: Some(self.layer.answers.answer(&rejection, request)) }
            }
        };
        RequireFuture { state }
    }
}

pin_project! {
    /// The answer of a [`RequireService`].
    pub struct RequireFuture<F, Res> {
        #[pin]
        state: State<F, Res>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, Res> {
        Inner { #[pin] response: F },
        Answered { response: Option<Res> },
    }
}

impl<F, Res, E> Future for RequireFuture<F, Res>
where
    F: Future<Output = Result<Res, E>>,
{
    type Output = Result<Res, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Inner { response } => response.poll(cx),
            StateProjection::Answered { response } => {
                Poll::Ready(Ok(response.take().expect("a future is not polled past its end")))
            }
        }
    }
}

impl<S: Scope, R> fmt::Debug for RequireLayer<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireLayer")
            .field("requirement", &self.requirement)
            .field("realm", &self.answers.realm)
            .finish_non_exhaustive()
    }
}

impl<I: fmt::Debug, S: Scope, R> fmt::Debug for RequireService<I, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

impl<F, Res> fmt::Debug for RequireFuture<F, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
