//! keyfob-sqlite by criterion, each group with the same work by hand: one caller, who waits for each
//! answer. What 64 callers gain by each other is in `sqlite_ratios`.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use keyfob::{
    Actor, CreateKey, Environment, KeyHash, KeyLimit, KeyName, KeyService, KeyStore,
    OrganizationId, ScopeSet,
};
use keyfob_benches::{FORMAT, KeyInserts, KeyLookup, SqliteKeys};
use tokio::runtime::Runtime;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

/// Beside the build, which is on a disk where a temporary directory may not be.
const DIRECTORY: &str = env!("CARGO_TARGET_TMPDIR");

criterion_group!(sqlite, finding, creating);
criterion_main!(sqlite);

fn finding(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let keys = SqliteKeys::fill(DIRECTORY, 10_000);
    let (store, connection) = (keys.store(), keys.connection());
    let hashes_in_turn = || {
        let mut hashes = keys.hashes.iter().cycle();
        move || hashes.next().expect("a cycle has no end")
    };

    let mut group = criterion.benchmark_group("SQLite, find one of 10,000 keys");
    let (mut next, mut lookup) = (hashes_in_turn(), KeyLookup::prepare(&connection));
    group.bench_function("by hand", |b| b.iter(|| lookup.find(next())));
    let mut next = hashes_in_turn();
    group.bench_function("find", |b| {
        b.to_async(&runtime).iter(|| store.find(std::slice::from_ref(next())));
    });
}

fn creating(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let keys = SqliteKeys::fill(DIRECTORY, 1_000);
    let connection = keys.connection();
    let _entered = runtime.enter();
    let service = KeyService::<Scope, _>::builder(FORMAT, keys.store()).build();

    let mut group = criterion.benchmark_group("SQLite, create a key");
    group.sample_size(20);
    let (mut number, mut inserts) = (keys.hashes.len(), KeyInserts::prepare(&connection));
    group.bench_function("by hand", |b| {
        b.iter(|| {
            connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
            inserts.insert(number, &KeyHash::from_bytes(rand::random()));
            connection.execute_batch("COMMIT").expect("a commit");
            number += 1;
        });
    });
    group.bench_function("create", |b| {
        b.to_async(&runtime).iter(|| {
            let organization = OrganizationId::new("acme").expect("an id");
            let name = KeyName::new("ci-pipeline").expect("a name");
            let request = CreateKey::new(organization, name, Environment::Live, ScopeSet::all());
            service.create(request, KeyLimit::Unlimited, Actor::new("cli").expect("an actor"))
        });
    });
}
