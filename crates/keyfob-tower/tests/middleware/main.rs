//! What the middleware promises, in plain tower, in axum over a socket, and in tonic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod bad_input;
mod grpc;
mod inner_service;
mod routes;
mod server;
mod told_store;

use std::sync::Arc;

use keyfob::{
    Actor, CreateKey, CreatedKey, Environment, KeyFormat, KeyLimit, KeyName, KeyService,
    ManualClock, OrganizationId, ScopeSet, Timestamp,
};

use told_store::ToldStore;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

type Keys = KeyService<Scope, ToldStore>;

const FORMAT: KeyFormat = KeyFormat::new("tk");

fn keys(store: &ToldStore) -> Keys {
    KeyService::builder(FORMAT, store.clone()).with_clock(clock()).build()
}

/// Shows the epoch, for ever.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_micros(0)))
}

fn organization() -> OrganizationId {
    OrganizationId::new("acme").unwrap()
}

fn actor() -> Actor {
    Actor::new("user:1").unwrap()
}

async fn create(keys: &Keys, environment: Environment, scopes: ScopeSet<Scope>) -> CreatedKey {
    let request = CreateKey::new(organization(), KeyName::new("ci").unwrap(), environment, scopes);
    keys.create(request, KeyLimit::Unlimited, actor()).await.unwrap()
}

/// A live key with both scopes, in plaintext.
async fn good_key(keys: &Keys) -> String {
    create(keys, Environment::Live, ScopeSet::all()).await.api_key.expose_secret().to_owned()
}
