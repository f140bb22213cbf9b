//! A warm verification of 1,000 keys by criterion, with the baseline R: plain SHA-256 of the same keys.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use keyfob::KeyService;
use keyfob_benches::{EveryKey, FORMAT, texts};
use sha2::Digest;
use tokio::runtime::Runtime;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

criterion_group!(service, verifying);
criterion_main!(service);

fn verifying(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let texts = texts(1_000);
    let service = runtime.block_on(warm_service(&texts));
    let keys_in_turn = || {
        let mut texts = texts.iter().cycle();
        move || texts.next().expect("a cycle has no end")
    };

    let mut group = criterion.benchmark_group("warm verify, 1,000 keys");
    let mut next = keys_in_turn();
    group.bench_function("R, plain SHA-256", |b| b.iter(|| sha2::Sha256::digest(next())));
    let mut next = keys_in_turn();
    group.bench_function("verify", |b| {
        b.iter(|| service.authorize_at_once(next(), Scope::Read).expect("remembered").is_ok());
    });
}

async fn warm_service(texts: &[String]) -> KeyService<Scope, EveryKey> {
    let service = KeyService::builder(FORMAT, EveryKey::default())
        .with_staleness_bound(Duration::from_secs(60))
        .build();
    while !service.health().cache_in_use {
        tokio::task::yield_now().await;
    }
    for text in texts {
        service.verify(text).await.expect("every key is good");
    }
    service
}
