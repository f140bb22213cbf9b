//! What a service promises, against a store that can be made to fail, to hang and to fall silent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
mod confirmation;
mod create;
mod durations;
mod faulty_store;
mod history;
mod life;
#[cfg(feature = "metrics")]
mod metrics;
mod model;
mod nodes;
mod outage;
mod usage;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use keyfob::{
    Actor, CreateKey, Environment, IssuedKey, KeyFormat, KeyLimit, KeyName, KeyService,
    KeyServiceBuilder, ManualClock, OrganizationId, Refusal, ScopeSet, Timestamp,
};

use faulty_store::FaultyStore;

keyfob::scopes! {
    enum Scope {
        Read => "org:read",
        Write => "org:write",
    }
}

type Service = KeyService<Scope, FaultyStore>;

const FORMAT: KeyFormat = KeyFormat::new("tk");
const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn organization() -> OrganizationId {
    OrganizationId::new("acme").unwrap()
}

fn actor() -> Actor {
    Actor::new("user:1").unwrap()
}

fn builder(store: &FaultyStore, clock: &Arc<ManualClock>) -> KeyServiceBuilder<Scope, FaultyStore> {
    KeyService::builder(FORMAT, store.clone()).with_clock(Arc::clone(clock))
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START))
}

/// A service that follows its feed, so that its cache is in use.
async fn service(store: &FaultyStore, clock: &Arc<ManualClock>) -> Service {
    let service = builder(store, clock).build();
    eventually(async || service.health().cache_in_use).await;
    service
}

async fn create(service: &Service) -> IssuedKey {
    let request = CreateKey::new(
        organization(),
        KeyName::new("ci").unwrap(),
        Environment::Live,
        ScopeSet::from(Scope::Read),
    );
    service.create(request, KeyLimit::Unlimited, actor()).await.unwrap()
}

fn request(name: &str) -> CreateKey<Scope> {
    let name = KeyName::new(name).unwrap();
    CreateKey::new(organization(), name, Environment::Live, Scope::Read.into())
}

async fn refusal(service: &Service, key: &str) -> Refusal {
    service.verify(key).await.unwrap_err().refusal().expect("a refusal, not an outage").clone()
}

/// A key of the right spelling that nobody has.
fn stranger(number: u64) -> String {
    format!("tk_live_{number:064x}")
}

/// Waits for a condition, and gives up after ten seconds.
async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    let poll = async {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        while !condition().await {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), poll).await.expect("the condition came true");
}
