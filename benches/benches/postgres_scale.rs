//! What a lookup, a list, a revocation and a creation cost in a PostgreSQL database of many keys, beside
//! the same in one of 10,000, on a private server that syncs each commit. Both are in memory: what is
//! compared is the work, and not the disk.
//!
//! `KEYFOB_BENCH_KEYS` is how many keys the large one holds, 100,000 unless set.

use std::env;
use std::time::Instant;

use keyfob_benches::{
    COUNTING_ALLOCATOR, CountingAllocator, Populated, Population, populate_postgres, scale,
};
use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_test_cluster::{PostgresOptions as ServerOptions, PostgresServer};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

#[expect(clippy::print_stdout, reason = "the tables are what it is for")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let number = env::var("KEYFOB_BENCH_KEYS").map_or(Ok(100_000), |text| text.parse());
    let number = number.expect("KEYFOB_BENCH_KEYS is a number");
    let options = ServerOptions::new().durable().with_setting("shared_buffers", "8GB");
    let options = options.with_setting("max_wal_size", "4GB");
    let server = PostgresServer::start(&options).expect("PostgreSQL is installed");
    let start = Instant::now();
    let small = populated(&server, &runtime, 10_000);
    let large = populated(&server, &runtime, number);
    println!("\nfilled in {:.0} s", start.elapsed().as_secs_f64());
    for callers in [1, 64] {
        scale((&small, &large), callers, &runtime, &ALLOCATOR, |operation, report| {
            println!("\n## {operation}, {callers} callers\n\n{report}");
        });
    }
}

/// Brings all into the server's memory, keys and secrets last: so they are there in any case, as they are on a server
/// that has run for a while.
const WARM: &str = "\
    CREATE EXTENSION pg_prewarm; \
    SELECT pg_size_pretty(sum(pg_prewarm(oid::regclass) * 8192)) FROM (SELECT oid FROM pg_class \
        WHERE relnamespace = 'keyfob'::regnamespace AND relkind IN ('r', 'i') \
        ORDER BY relname ~ '^(keys|secrets)') relations";

#[expect(clippy::print_stdout, reason = "it belongs to the tables")]
fn populated(server: &PostgresServer, runtime: &Runtime, keys: usize) -> Populated<PostgresStore> {
    let database = server.create_database().expect("a server that runs");
    let population = Population::new(keys);
    let url = database.socket_url();
    let store = runtime.block_on(async {
        populate_postgres(&url, &population).await.expect("room on the disk");
        let options = PostgresOptions::new(url).with_prepared_lookups(true);
        PostgresStore::open_with(options).await.expect("a store")
    });
    let size = server.sql(database.name(), WARM).expect("PostgreSQL has its extensions");
    println!("{keys} keys: {size}");
    Populated::new(store, population)
}
