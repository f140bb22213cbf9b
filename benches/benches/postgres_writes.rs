//! Creations and usage in PostgreSQL, beside what statements written by hand take on the same private
//! server, which syncs each commit.

use std::time::Duration;

use keyfob::{Actor, CreateKey, Environment, KeyLimit, KeyName, KeyService, KeyStore, ScopeSet};
use keyfob_benches::{
    COUNTING_ALLOCATOR, Callers, CountingAllocator, FORMAT, Goal, Population, Ratios, Report,
    populate_postgres,
};
use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_store::{Hour, Outcome, Timestamp, UsageBatch, UsageCount};
use keyfob_test_cluster::{PostgresOptions as ServerOptions, PostgresServer};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

const KEYS: usize = 10_000;

#[expect(clippy::print_stdout, reason = "the tables are what it is for")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let server = PostgresServer::start(&ServerOptions::new().durable());
    let server = server.expect("PostgreSQL is installed");
    let url = server.create_database().expect("a server that runs").socket_url();
    let population = Population::new(KEYS);
    runtime.block_on(populate_postgres(&url, &population)).expect("room on the disk");
    let store = runtime.block_on(PostgresStore::open_with(PostgresOptions::new(&url)));
    let store = store.expect("a store");
    println!("\n## Creation, for one key\n\n{}", creation(&runtime, &url, &store));
    println!("## Usage of {KEYS} keys, for one batch\n\n{}", usage(&runtime, &url, &store));
}

fn connect(runtime: &Runtime, url: &str) -> Client {
    let (client, connection) =
        runtime.block_on(tokio_postgres::connect(url, NoTls)).expect("a server that runs");
    runtime.spawn(connection);
    client
}

/// What a creation writes, without a limit, an event that tells more, or anybody who is told.
const CREATE: &str = "\
    WITH key AS (INSERT INTO keyfob.keys \
        (id, organization, epoch, name, environment, scopes, created_at, created_by) \
        VALUES ($1, 'by-hand', 0, 'ci-pipeline', 'live', 'shield:read', 0, 'cli') RETURNING id), \
    secret AS (INSERT INTO keyfob.secrets (hash, key, generation, hint, created_at) \
        SELECT sha256(uuid_send(id)), id, 1, 'tk_live_a1b2c3d4', 0 FROM key RETURNING hash), \
    event AS (INSERT INTO keyfob.events (position, at, organization, action, actor, key, details) \
        SELECT max(position) + 1, 0, 'by-hand', 'key.created', 'cli', $1, '{}' FROM keyfob.events \
        RETURNING position) \
    INSERT INTO keyfob.feed (position, written_at, key, organization, hashes) \
        SELECT event.position, 0, $1, 'by-hand', secret.hash FROM event, secret";

fn creation(runtime: &Runtime, url: &str, store: &PostgresStore) -> Report {
    let client = connect(runtime, url);
    let statement = runtime.block_on(client.prepare(CREATE)).expect("the schema");
    let commit_each = || {
        let id = Uuid::from_bytes(rand::random());
        runtime.block_on(client.execute(&statement, &[&id])).expect("nobody else writes");
    };
    let _entered = runtime.enter();
    let service = KeyService::<Scope, _>::builder(FORMAT, store.clone()).build();
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

/// Adds one to the count of each key, and looks at nothing.
const ADD: &str = "\
    INSERT INTO keyfob.usage AS u (hour, organization, epoch, key, secret, outcome, count) \
    SELECT 1, 'by-hand', 0, key, 1, 'accepted', 1 FROM unnest($1::uuid[]) c (key) \
    ON CONFLICT (hour, organization, epoch, key, secret, outcome) \
    DO UPDATE SET count = u.count + excluded.count";

fn usage(runtime: &Runtime, url: &str, store: &PostgresStore) -> Report {
    let client = connect(runtime, url);
    let statement = runtime.block_on(client.prepare(ADD)).expect("the schema");
    let id = |number| Uuid::from_bytes(*Population::id(number).as_bytes());
    let ids: Vec<_> = (0..KEYS).map(id).collect();
    let add = || {
        runtime.block_on(client.execute(&statement, &[&ids])).expect("nobody else writes");
    };
    let counts = counts(&Population::new(KEYS));
    let record = || {
        let batch = UsageBatch { id: rand::random(), at: now(), counts: counts.clone() };
        runtime.block_on(store.record_usage(&batch)).expect("the batch is written down");
    };
    Ratios::to("added by hand", add)
        .and("a batch of usage", Goal::None, record)
        .times(1)
        .rounds(31)
        .run(&ALLOCATOR)
}

fn now() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

fn counts(population: &Population) -> Vec<UsageCount> {
    let count = |number| UsageCount {
        organization: population.owner(number),
        key: Population::id(number),
        secret: 1,
        hour: Hour::of(now()),
        outcome: Outcome::Accepted,
        count: 1,
        last_at: now(),
    };
    (0..KEYS).map(count).collect()
}
