//! What the middleware adds to the verification that it is there for.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Extensions, Request, Response};
use keyfob::KeyService;
use keyfob_benches::{
    COUNTING_ALLOCATOR, CountingAllocator, EveryKey, FORMAT, Goal, Ratios, texts,
};
use keyfob_tower::ApiKeyLayer;
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

/// A response that brings the request back, so that it can be sent again.
type Echo = Ready<Result<Response<Request<()>>, Infallible>>;

#[expect(clippy::print_stdout, reason = "the tables are what it is for")]
fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime");
    let texts = texts(1);
    let text = &texts[0];
    let keys = runtime.block_on(warm_service(text));
    let verify = || at_once(keys.verify(black_box(text))).expect("every key is good");

    let inner = service_fn(|request: Request<()>| -> Echo { ready(Ok(Response::new(request))) });
    let mut layered = ApiKeyLayer::new(keys.clone())
        .with_responder(|rejection, _| unreachable!("{rejection}"))
        .layer(inner);
    let (mut bare, mut extending) = (inner, inner);

    for (title, fresh) in [
        ("A request without extensions", Extensions::new as fn() -> Extensions),
        ("A request with another extension, as routers leave it", with_another),
    ] {
        let mut requests = [(); 3].map(|()| Some(request(text)));
        let [to_bare, to_extending, to_layered] = &mut requests;
        let report = Ratios::to("verification and service", || {
            black_box(verify());
            send(&mut bare, to_bare, fresh());
        })
        .and("with an extension that holds the principal", Goal::None, || {
            let mut extensions = fresh();
            extensions.insert(verify());
            send(&mut extending, to_extending, extensions);
        })
        .and("service in the layer", Goal::None, || send(&mut layered, to_layered, fresh()))
        .run(&ALLOCATOR);
        let [without, .., with] = report.lines.as_slice() else { unreachable!("three lines") };
        let added = with.nanoseconds - without.nanoseconds;
        println!("\n## {title}: the layer adds {added:.0} ns (goal: ≤ 100)\n\n{report}");
    }
}

fn with_another() -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(0_u8);
    extensions
}

/// With as many other headers as a small client sends.
fn request(key: &str) -> Request<()> {
    Request::builder()
        .header("host", "localhost:8080")
        .header("user-agent", "curl/8.5.0")
        .header("accept", "*/*")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {key}"))
        .body(())
        .expect("a request")
}

async fn warm_service(key: &str) -> KeyService<Scope, EveryKey> {
    let service = KeyService::builder(FORMAT, EveryKey::default())
        .with_staleness_bound(Duration::from_secs(60))
        .build();
    while !service.health().cache_in_use {
        tokio::task::yield_now().await;
    }
    service.verify(key).await.expect("every key is good");
    service
}

/// Sends the request as if it were new, and takes it back out of the response.
fn send<T>(service: &mut T, request: &mut Option<Request<()>>, extensions: Extensions)
where
    T: Service<Request<()>, Response = Response<Request<()>>, Error = Infallible>,
{
    let mut sent = request.take().expect("it came back");
    *sent.extensions_mut() = extensions;
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let Ok(response) = at_once(service.call(sent));
    *request = Some(response.into_body());
}

/// What is in the cache is ready at once.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing has to be waited for"),
    }
}
