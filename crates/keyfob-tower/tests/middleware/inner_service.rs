//! When the service within is called, which of its clones, and with what.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use keyfob_tower::{ApiKeyLayer, AuthenticatedKey};
use tower::{Layer, Service, ServiceExt};

use crate::{Scope, ToldStore, good_key, keys};

type Body = Full<Bytes>;

/// Must be polled ready before each call, as some services of tower must. A clone of it is not ready.
#[derive(Default)]
struct Strict {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<Body>> for Strict {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called before it was ready");
        self.calls.fetch_add(1, Ordering::SeqCst);

        let presented = request.headers().get("x-api-key");
        assert!(presented.is_none_or(http::HeaderValue::is_sensitive), "a log would show it");
        let key = request.extensions().get::<AuthenticatedKey<Scope>>();
        assert_eq!(key.is_some(), presented.is_some());
        ready(Ok(Response::new(Body::default())))
    }
}

fn request(key: &str) -> Request<Body> {
    Request::builder().header("x-api-key", key).body(Body::default()).unwrap()
}

#[tokio::test]
async fn service_that_was_ready_is_the_one_that_is_called() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let (first, second) = (good_key(&keys).await, good_key(&keys).await);
    let inner = Strict::default();
    let mut service = ApiKeyLayer::new(keys).layer(inner.clone());
    // Each key once from the store and once from memory, and one that is refused in between.
    for key in [&first, &first, "nonsense", &second, &first, &second] {
        let response = service.ready().await.unwrap().call(request(key)).await.unwrap();
        assert_eq!(response.status() == 200, key != "nonsense");
    }
    assert_eq!(inner.calls.load(Ordering::SeqCst), 5);
    assert_eq!(store.finds(), 2);
}

#[tokio::test]
async fn nothing_is_called_before_the_key_is_verified() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let key = good_key(&keys).await;
    let inner = Strict::default();
    let mut service = ApiKeyLayer::new(keys).layer(inner.clone());
    store.hold_answers();

    let mut answer = pin!(service.ready().await.unwrap().call(request(&key)));
    while store.finds() == 0 {
        assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        tokio::task::yield_now().await;
    }
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(inner.calls.load(Ordering::SeqCst), 0);

    store.answer_one();
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!(inner.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn request_that_is_given_up_is_never_handled() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let key = good_key(&keys).await;
    let inner = Strict::default();
    let mut service = ApiKeyLayer::new(keys).layer(inner.clone());
    store.hold_answers();

    let given_up = tokio::spawn(service.ready().await.unwrap().call(request(&key)));
    while store.finds() == 0 {
        tokio::task::yield_now().await;
    }
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    store.answer_one();

    // The next one is answered by the lookup of the one that was given up, and by no other.
    let response = service.ready().await.unwrap().call(request(&key)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!((inner.calls.load(Ordering::SeqCst), store.finds()), (1, 1));
}
