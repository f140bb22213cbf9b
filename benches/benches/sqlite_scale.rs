//! What a lookup, a list, a revocation and a creation cost in a SQLite file of many keys, beside the
//! same in one of 10,000.
//!
//! `KEYFOB_BENCH_KEYS` is how many keys the large file holds, 100,000 unless set; 10 million take
//! 8 GB of disk and some minutes to write. `KEYFOB_BENCH_MAP=1` maps the files into memory.

use std::env;
use std::path::Path;
use std::time::Instant;

use keyfob_benches::{
    COUNTING_ALLOCATOR, CountingAllocator, Populated, Population, populate_sqlite, scale,
};
use keyfob_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

#[expect(clippy::print_stdout, reason = "the tables are what it is for")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let number = env::var("KEYFOB_BENCH_KEYS").map_or(Ok(100_000), |text| text.parse());
    let number = number.expect("KEYFOB_BENCH_KEYS is a number");
    // Beside the build, which is on a disk where a temporary directory may not be.
    let temporary = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory to write to");
    let start = Instant::now();
    let (small, large) = (populated(temporary.path(), 10_000), populated(temporary.path(), number));
    println!("\nfilled in {:.0} s", start.elapsed().as_secs_f64());
    for callers in [1, 64] {
        scale((&small, &large), callers, &runtime, &ALLOCATOR, |operation, report| {
            println!("\n## {operation}, {callers} callers\n\n{report}");
        });
    }
}

fn populated(files: &Path, keys: usize) -> Populated<SqliteStore> {
    let path = files.join(format!("{keys}.db"));
    let population = Population::new(keys);
    populate_sqlite(&path, &population);
    let map = if env::var_os("KEYFOB_BENCH_MAP").is_some() { u64::MAX } else { 0 };
    let options = SqliteOptions::new(&path).with_memory_map(map);
    let store = SqliteStore::open_blocking(&options).expect("a store");
    Populated::new(store, population)
}
