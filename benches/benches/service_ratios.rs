//! A warm verification, the whole call of the service, beside plain SHA-256 of the same key; what
//! one cached key takes in memory; and what two threads do together.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keyfob::{KeyService, Principal, VerifyError};
use keyfob_benches::{
    COUNTING_ALLOCATOR, CountingAllocator, EveryKey, FORMAT, Goal, Ratios, texts,
};
use sha2::Digest;
use stats_alloc::Region;

#[global_allocator]
static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

keyfob::scopes! {
    enum Scope {
        Read => "shield:read",
        Write => "shield:write",
    }
}

type Service = KeyService<Scope, EveryKey>;

#[expect(clippy::print_stdout, reason = "the tables are what it is for")]
fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime");
    let mut one_hot = None;
    for (keys, goal) in [(1_000, 1.4), (100_000, 4.5), (1_000_000, 6.5)] {
        let texts = texts(keys);
        let (service, bytes) = runtime.block_on(warm_service(&texts));
        println!("\n## {keys} keys, {} bytes each in the cache (goal: ≤ 160)\n", bytes / keys);
        let keys_in_turn = || {
            let mut texts = texts.iter().cycle();
            move || texts.next().expect("a cycle has no end")
        };
        let (mut to_hash, mut to_verify) = (keys_in_turn(), keys_in_turn());
        let report = Ratios::to("R, plain SHA-256", || sha2::Sha256::digest(to_hash()))
            .and("warm verify, uniformly", Goal::AtMost(goal), || verify(&service, to_verify()))
            .run(&ALLOCATOR);
        println!("{report}");
        if keys == 1_000 {
            one_hot = Some((service, texts));
        }
    }
    let (service, texts) = one_hot.expect("1,000 keys were measured");
    println!("## Two threads against one (goal: ≥ 1.9, where hashing alone gains as much)\n");
    println!("| operation | times the throughput of one thread |\n|---|---:|");
    let hash = |text: &str| sha2::Sha256::digest(text)[0] < u8::MAX;
    println!("| plain SHA-256 | {:.2} |", speed_up(&texts, hash));
    let good = |text: &str| verify(&service, text).is_ok();
    println!("| warm verify, 1,000 keys | {:.2} |", speed_up(&texts, good));
    println!("| warm verify, one key | {:.2} |", speed_up(&texts[..1], good));
}

/// A service that has seen every key, and what that took in bytes. The first key is not counted:
/// with it the map takes what it needs for the threads, however many keys follow.
async fn warm_service(texts: &[String]) -> (Service, usize) {
    let service = KeyService::builder(FORMAT, EveryKey::default())
        .with_staleness_bound(Duration::from_secs(60))
        .with_cache_capacity(texts.len())
        .build();
    while !service.health().cache_in_use {
        tokio::task::yield_now().await;
    }
    service.verify(&texts[0]).await.expect("every key is good");
    let region = Region::new(ALLOCATOR);
    for text in &texts[1..] {
        service.verify(text).await.expect("every key is good");
    }
    let change = region.change();
    (service, change.bytes_allocated.saturating_sub(change.bytes_deallocated))
}

/// A hit is ready at once.
fn verify(service: &Service, text: &str) -> Result<Principal<Scope>, VerifyError> {
    let answer = pin!(service.verify(text));
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the key is in the cache"),
    }
}

/// By the median of 31 rounds, in which one thread and two take turns.
fn speed_up(texts: &[String], work: impl Fn(&str) -> bool + Sync) -> f64 {
    let round = |_| throughput(texts, &work, 2) / throughput(texts, &work, 1);
    let mut ratios: Vec<f64> = (0..31).map(round).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// How often so many threads together do the work in 50 ms.
#[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 fit into 50 ms")]
fn throughput(texts: &[String], work: &(impl Fn(&str) -> bool + Sync), threads: usize) -> f64 {
    let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (over, done) = (&over, &done);
            scope.spawn(move || {
                let mut own = 0;
                for text in texts.iter().cycle().skip(thread * texts.len() / threads) {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    own += u64::from(black_box(work(text)));
                }
                done.fetch_add(own, Ordering::Relaxed);
            });
        }
        std::thread::sleep(Duration::from_millis(50));
        over.store(true, Ordering::Relaxed);
    });
    done.into_inner() as f64
}
