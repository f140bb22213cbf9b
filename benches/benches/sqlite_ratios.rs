//! Keys in SQLite, beside what a hand-written, prepared statement takes on the same file: lookups,
//! cold verifications and creation, with one caller and with 64.
//!
//! `KEYFOB_BENCH_KEYS` is how many keys the file holds, 10,000 unless set.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use keyfob::{
    Actor, CreateKey, Environment, KeyHash, KeyLimit, KeyName, KeyService, KeyStore, ScopeSet,
};
use keyfob_benches::{
    COUNTING_ALLOCATOR, Callers, CountingAllocator, FORMAT, Goal, KeyInserts, KeyLookup, Ratios,
    Report, SqliteKeys,
};
use keyfob_sqlite::SqliteStore;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

type Service = KeyService<Scope, SqliteStore>;

/// Beside the build, which is on a disk where a temporary directory may not be.
const DIRECTORY: &str = env!("CARGO_TARGET_TMPDIR");

#[expect(clippy::print_stdout, reason = "the tables are what it is for")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let number = std::env::var("KEYFOB_BENCH_KEYS").map_or(Ok(10_000), |text| text.parse());
    let number = number.expect("KEYFOB_BENCH_KEYS is a number");
    let keys = SqliteKeys::fill(DIRECTORY, number);
    println!("\n## Lookups and cold verifications, {number} keys, for one key\n");
    println!("{}", lookups(&runtime, &Arc::new(keys)));
    println!("## Creation, for one key\n");
    println!("{}", creation(&runtime, &SqliteKeys::fill(DIRECTORY, 1_000)));
}

fn lookups(runtime: &Runtime, keys: &Arc<SqliteKeys>) -> Report {
    let (store, connection) = (keys.store(), keys.connection());
    let _entered = runtime.enter();
    let service = Service::builder(FORMAT, store.clone()).with_staleness_bound(Duration::ZERO);
    let service = service.build();
    let count = keys.hashes.len();

    let mut lookup = KeyLookup::prepare(&connection);
    let mut hashes = keys.hashes.iter().cycle();
    let by_hand = move || lookup.find(hashes.next().expect("a cycle has no end"));
    let find = |callers| {
        let (store, mut callers) = (store.clone(), Callers::new(callers, runtime));
        move |times| {
            let (store, keys) = (store.clone(), Arc::clone(keys));
            callers.ask(times, move |number| {
                let (store, hash) = (store.clone(), keys.hashes[number % count]);
                async move {
                    let found = store.find(&[hash]).await.expect("a lookup");
                    assert!(matches!(found.keys[0], Ok(Some(_))));
                }
            });
        }
    };
    let find_batch = |size: usize| {
        let (store, mut hashes) = (store.clone(), keys.hashes.iter().copied().cycle());
        move |times: u64| {
            let mut left = usize::try_from(times).expect("a turn is short");
            runtime.block_on(async {
                while left > 0 {
                    let batch: Vec<KeyHash> = hashes.by_ref().take(size.min(left)).collect();
                    left -= batch.len();
                    black_box(store.find(&batch).await.expect("a lookup"));
                }
            });
        }
    };
    let verify = |callers| {
        let (service, mut callers) = (service.clone(), Callers::new(callers, runtime));
        move |times| {
            let (service, keys) = (service.clone(), Arc::clone(keys));
            callers.ask(times, move |number| {
                let (service, keys) = (service.clone(), Arc::clone(&keys));
                async move {
                    let text = &keys.texts[number % count];
                    drop(service.verify(text).await.expect("the key is good"));
                }
            });
        }
    };
    Ratios::to("prepared lookup by hand", by_hand)
        .and_repeated("find, 1 in flight", Goal::None, find(1))
        .and_repeated("find, 64 in flight", Goal::AtMost(1.3), find(64))
        .and_repeated("find 64 at once", Goal::None, find_batch(64))
        .and_repeated("find 512 at once", Goal::None, find_batch(512))
        .and_repeated("cold verify, 1 in flight", Goal::None, verify(1))
        .and_repeated("cold verify, 64 in flight", Goal::AtMost(1.3), verify(64))
        .turn(Duration::from_millis(5))
        .rounds(151)
        .run(&ALLOCATOR)
}

fn creation(runtime: &Runtime, keys: &SqliteKeys) -> Report {
    let connection = keys.connection();
    let _entered = runtime.enter();
    let service = Service::builder(FORMAT, keys.store()).build();
    let mut inserts = KeyInserts::prepare(&connection);
    let mut number = keys.hashes.len();
    let commit_each = || {
        connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        inserts.insert(number, &KeyHash::from_bytes(rand::random()));
        connection.execute_batch("COMMIT").expect("a commit");
        number += 1;
    };
    let create = |callers: usize| {
        let (service, mut callers) = (service.clone(), Callers::new(callers, runtime));
        move |times| {
            let service = service.clone();
            let organizations = format!("{:x}", rand::random::<u64>());
            callers.ask(times, move |number| {
                let organization = format!("{organizations}-{}", number / 10);
                let service = service.clone();
                async move {
                    let by = Actor::new("cli").expect("an actor");
                    let created = service.create(request(&organization), KeyLimit::AtMost(10), by);
                    drop(created.await.expect("a key"));
                }
            });
        }
    };
    Ratios::to("by hand, one commit a key", commit_each)
        .and_repeated("create, 1 in flight", Goal::None, create(1))
        .and_repeated("create, 64 in flight", Goal::AtMost(0.2), create(64))
        .turn(Duration::from_millis(50))
        .rounds(31)
        .run(&ALLOCATOR)
}

fn request(organization: &str) -> CreateKey<Scope> {
    let organization = organization.parse().expect("an id");
    let name = KeyName::new("ci-pipeline").expect("a name");
    CreateKey::new(organization, name, Environment::Live, ScopeSet::all())
}
