//! What the layer allocates for a key that is remembered: nothing but the request's extension.
//!
//! A process of its own, since other tests allocate too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::System;
use std::cell::OnceCell;
use std::convert::Infallible;
use std::future::{Ready, ready};

use http::{Request, Response};
use keyfob::{
    Actor, CreateKey, Environment, KeyFormat, KeyLimit, KeyName, KeyService, OrganizationId,
    ScopeSet,
};
use keyfob_memory::MemoryStore;
use keyfob_tower::{ApiKeyLayer, AuthenticatedKey};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service, ServiceExt, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

keyfob::scopes! { enum Scope { Read => "org:read" } }

type Answer = Ready<Result<Response<Vec<u8>>, Infallible>>;

/// A test of one thread, so that nothing else allocates while it counts.
#[tokio::test]
async fn remembered_key_costs_one_extension() {
    let store = MemoryStore::new();
    let keys = KeyService::<Scope, _>::builder(KeyFormat::new("tk"), store).build();
    while !keys.health().cache_in_use {
        tokio::task::yield_now().await;
    }
    let request = CreateKey::new(
        OrganizationId::new("acme").unwrap(),
        KeyName::new("ci").unwrap(),
        Environment::Live,
        ScopeSet::all(),
    );
    let by = Actor::new("user:1").unwrap();
    let created = keys.create(request, KeyLimit::Unlimited, by).await.unwrap();
    let bearer = format!("Bearer {}", created.api_key.expose_secret());
    let request = || Request::builder().header("authorization", &bearer).body(Vec::new()).unwrap();

    // The first one asks the store, and yields what the layer puts into the extensions.
    let inner = |_: Request<Vec<u8>>| -> Answer { ready(Ok(Response::new(Vec::new()))) };
    let layer = ApiKeyLayer::new(keys);
    // The first one asks the store, and yields what the layer puts into the extensions.
    let found = OnceCell::new();
    let first = layer.layer(service_fn(|request: Request<Vec<u8>>| {
        found.get_or_init(|| request.extensions().get::<AuthenticatedKey<Scope>>().cloned());
        inner(request)
    }));
    first.oneshot(request()).await.unwrap();
    let key = found.into_inner().flatten().expect("a verified key");

    let mut bare = request();
    let region = Region::new(ALLOCATOR);
    bare.extensions_mut().insert(key);
    let extension = region.change();
    assert!(extension.allocations > 0);

    let mut service = layer.layer(service_fn(inner));
    let ready = service.ready().await.unwrap();
    let request = request();
    let region = Region::new(ALLOCATOR);
    let response = ready.call(request).await;
    let call = region.change();
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!(call.allocations, extension.allocations);
    assert_eq!(call.bytes_allocated, extension.bytes_allocated);
}
