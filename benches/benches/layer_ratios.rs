//! keyfob-tower's layer with a key that is remembered, beside the same service without it.
//!
//! No layer can do without verifying the key, so the baseline verifies it too, in a plain call
//! before the request is handed to the service: what is above that is what the middleware costs.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use keyfob::{KeyService, Principal};
use keyfob_benches::{
    COUNTING_ALLOCATOR, CountingAllocator, EveryKey, FORMAT, Goal, Ratios, texts,
};
use keyfob_tower::{ApiKeyLayer, AuthenticatedKey};
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

type Body = Vec<u8>;
type Answer = Ready<Result<Response<Body>, Infallible>>;

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime");
    let text = texts(1).remove(0);
    let keys = runtime.block_on(warm_service(&text));
    let bearer = HeaderValue::try_from(format!("Bearer {text}")).expect("visible ASCII");
    let request = || {
        let mut request = Request::new(Body::new());
        request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        request
    };
    let principal =
        || keys.authorize_at_once(&text, Scope::Read).expect("remembered").expect("good");

    let mut bare = [(); 3].map(|()| service_fn(inner));
    let [alone, verified, extended] = &mut bare;
    let layer = ApiKeyLayer::new(keys.clone()).with_requirement(Scope::Read);
    let mut layered = layer.layer(service_fn(inner));
    let report = Ratios::to("bare service, key verified before it", || {
        black_box(principal());
        call(verified, request())
    })
    .and("bare service, key not verified", Goal::None, || call(alone, request()))
    .and("the baseline, and the principal put into the extensions", Goal::None, || {
        let mut request = request();
        request.extensions_mut().insert(principal());
        call(extended, request)
    })
    .and("service in the layer", Goal::AtMostAbove(100.0), || call(&mut layered, request()))
    .run(&ALLOCATOR);
    println!("{report}");
}

/// A service that remembers the key.
async fn warm_service(text: &str) -> KeyService<Scope, EveryKey> {
    let service = KeyService::builder(FORMAT, EveryKey);
    let service = service.with_staleness_bound(Duration::from_secs(60)).build();
    while !service.feed_status().cache_in_use {
        tokio::task::yield_now().await;
    }
    service.verify(text).await.expect("every key is good");
    service
}

#[expect(clippy::needless_pass_by_value, reason = "a service consumes its request")]
fn inner(request: Request<Body>) -> Answer {
    black_box(request.extensions().get::<AuthenticatedKey<Scope>>());
    black_box(request.extensions().get::<Principal<Scope>>());
    ready(Ok(Response::new(Body::new())))
}

/// Nothing here waits, so no runtime is part of the cost.
fn call<S>(service: &mut S, request: Request<Body>) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut context) else {
        unreachable!("the service is always ready")
    };
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut context) else {
        unreachable!("the key is remembered, and the service answers at once")
    };
    assert!(response.status().is_success());
    response
}
