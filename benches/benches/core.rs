//! keyfob-core by criterion, each group with the baseline R: plain SHA-256 of the same key.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use keyfob_core::{Environment, KeyFormat, KeyHash};
use sha2::Digest;

const FORMAT: KeyFormat = KeyFormat::new("tk");
const KEY: &str = "tk_live_a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

criterion_group!(core, reading, rejecting, verifying, generating);
criterion_main!(core);

fn reading(criterion: &mut Criterion) {
    let mut group = group_with_baseline(criterion, "read");
    group.bench_function("parse", |b| b.iter(|| FORMAT.parse(black_box(KEY)).is_ok()));
    let key = FORMAT.parse(KEY).expect("well-formed");
    group.bench_function("hash", |b| b.iter(|| black_box(&key).hash()));
    group.bench_function("hint", |b| b.iter(|| black_box(&key).hint()));
}

fn rejecting(criterion: &mut Criterion) {
    let mut group = group_with_baseline(criterion, "reject");
    for (name, wrong) in [
        ("prefix", KEY.replace("tk", "sk")),
        ("length", KEY[..71].to_owned()),
        ("character", KEY.replace('f', "F")),
        ("8 KB", format!("{KEY}{}", "0".repeat(8_120))),
    ] {
        group.bench_function(name, |b| b.iter(|| FORMAT.parse(black_box(&wrong)).is_ok()));
    }
}

fn verifying(criterion: &mut Criterion) {
    let mut group = group_with_baseline(criterion, "verify");
    let stored = FORMAT.parse(KEY).expect("well-formed").hash();
    group.bench_function("parse, hash, compare", |b| {
        b.iter(|| verify(black_box(KEY), black_box(&stored)));
    });
    group.bench_function("compare", |b| b.iter(|| black_box(&stored) == black_box(&stored)));
}

fn verify(presented: &str, stored: &KeyHash) -> bool {
    FORMAT.parse(presented).is_ok_and(|key| key.hash() == *stored)
}

fn generating(criterion: &mut Criterion) {
    let mut group = group_with_baseline(criterion, "generate");
    group.bench_function("getrandom", |b| b.iter(|| FORMAT.generate(Environment::Live)));
    let mut rng = rand::rng();
    group.bench_function("thread generator", |b| {
        b.iter(|| FORMAT.generate_from(Environment::Live, &mut rng));
    });
}

fn group_with_baseline<'c>(
    criterion: &'c mut Criterion,
    name: &str,
) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.bench_function("R, plain SHA-256", |b| b.iter(|| sha2::Sha256::digest(black_box(KEY))));
    group
}
