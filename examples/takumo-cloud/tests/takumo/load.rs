//! A key that is rotated while it is used.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::client::{Client, Text};
use crate::server::demo;

/// What clients are given: the key to use, and the number of its rotation.
struct Deployed {
    key: RwLock<(u64, String)>,
    done: AtomicBool,
    served: AtomicU64,
}

const CLIENTS: usize = 4;
const PERIOD: Duration = Duration::from_millis(50);

/// Rotates a key every 50 ms under clients that switch over, until they were served so often or
/// the time is up. A refusal fails. Answers with requests and rotations.
fn rotate_under_load(requests: u64, time: Duration) -> (u64, u64) {
    let (_directory, server, owner) = demo();
    let (id, key) = owner.create_key("live", &["org:read"]);
    let deployed = Deployed {
        key: RwLock::new((0, key)),
        done: AtomicBool::new(false),
        served: AtomicU64::new(0),
    };
    // Which rotation each client is known to have switched to.
    let switched: Vec<_> = (0..CLIENTS).map(|_| Arc::new(AtomicU64::new(0))).collect();
    let anyone = server.client();
    std::thread::scope(|scope| {
        for seen in &switched {
            let (deployed, anyone) = (&deployed, &anyone);
            scope.spawn(move || call(anyone, deployed, seen));
        }
        let deadline = Instant::now() + time;
        let mut rotations = 0;
        while deployed.served.load(Ordering::Relaxed) < requests && Instant::now() < deadline {
            let begun = Instant::now();
            rotations += 1;
            let rotated = owner.rotate(&id, 600).expect(200)["api_key"].text();
            *deployed.key.write().unwrap() = (rotations, rotated);
            wait(|| switched.iter().all(|seen| seen.load(Ordering::Acquire) >= rotations));
            owner.act(&id, "retire").expect(200);
            wait(|| begun.elapsed() >= PERIOD);
        }
        deployed.done.store(true, Ordering::Release);
        (deployed.served.load(Ordering::Relaxed), rotations)
    })
}

/// Calls with whatever key is deployed, and tells when it uses a new one and the last answer to an
/// old one is there.
fn call(anyone: &Client, deployed: &Deployed, seen: &AtomicU64) {
    let mut own = 0;
    let mut client = anyone.with_key(deployed.key.read().unwrap().1.clone());
    while !deployed.done.load(Ordering::Acquire) {
        {
            let now = deployed.key.read().unwrap();
            if now.0 != own {
                own = now.0;
                client = anyone.with_key(now.1.clone());
            }
        }
        seen.store(own, Ordering::Release);
        let answer = client.get("/v1/whoami");
        if answer.status != 200 {
            deployed.done.store(true, Ordering::Release);
        }
        answer.expect(200);
        deployed.served.fetch_add(1, Ordering::Relaxed);
    }
    seen.store(u64::MAX, Ordering::Release);
}

fn wait(until: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !until() {
        assert!(Instant::now() < deadline, "a client does not switch over");
        std::thread::yield_now();
    }
}

/// `TAKUMO_LOAD_REQUESTS` asks for more than a run of all tests has time for:
/// `TAKUMO_LOAD_REQUESTS=1000000 cargo test --release -p takumo-cloud rotated -- --nocapture`.
#[test]
fn no_request_is_refused_while_its_key_is_rotated() {
    let asked = std::env::var("TAKUMO_LOAD_REQUESTS");
    let least = asked.map_or(20_000, |number| number.parse().expect("a number of requests"));
    let (requests, rotations) = rotate_under_load(least, Duration::from_secs(300));
    println!("{requests} requests, {rotations} rotations, 0 refused");
    assert!(requests >= least && rotations > 10, "{requests} requests, {rotations} rotations");
}
