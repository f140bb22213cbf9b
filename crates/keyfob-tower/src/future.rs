use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// The answer of an [`ApiKeyService`](crate::ApiKeyService).
    ///
    /// # Cancel safety
    /// A dropped future has called the service within completely or not at all.
    pub struct ApiKeyFuture<I, B>
    where
        I: Service<Request<B>>,
    {
        #[pin]
        state: State<I, B>,
    }
}

/// The request if its key is good, else the answer to it.
type Admission<I, B> =
    Pin<Box<dyn Future<Output = Result<Request<B>, <I as Service<Request<B>>>::Response>> + Send>>;

pin_project! {
    #[project = StateProjection]
    enum State<I, B>
    where
        I: Service<Request<B>>,
    {
        Asking { admission: Admission<I, B>, inner: I },
        Inner { #[pin] response: I::Future },
        Answered { response: Option<I::Response> },
    }
}

impl<I: Service<Request<B>>, B> ApiKeyFuture<I, B> {
    /// Asks first, and calls the service, which is ready, when the answer is yes.
    pub(crate) fn asking(
        ready: I,
        admission: impl Future<Output = Result<Request<B>, I::Response>> + Send + 'static,
    ) -> Self {
        Self { state: State::Asking { admission: Box::pin(admission), inner: ready } }
    }

    pub(crate) fn inner(response: I::Future) -> Self {
        Self { state: State::Inner { response } }
    }

    pub(crate) fn answered(response: I::Response) -> Self {
        Self { state: State::Answered { response: Some(response) } }
    }
}

impl<I: Service<Request<B>>, B> Future for ApiKeyFuture<I, B> {
    type Output = Result<I::Response, I::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Asking { admission, inner } => {
                    match ready!(admission.as_mut().poll(cx)) {
                        Ok(request) => State::Inner { response: inner.call(request) },
                        Err(response) => State::Answered { response: Some(response) },
                    }
                }
                StateProjection::Inner { response } => return response.poll(cx),
                StateProjection::Answered { response } => {
                    let response = response.take().expect("a future is not polled past its end");
                    return Poll::Ready(Ok(response));
                }
            };
            state.set(next);
        }
    }
}

impl<I: Service<Request<B>>, B> fmt::Debug for ApiKeyFuture<I, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyFuture").finish_non_exhaustive()
    }
}
