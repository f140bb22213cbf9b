use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyfob::VerifyError;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use super::{FORMAT, Service};
use crate::protocol::{Load, Loaded, Plaintext};

/// The load that a node is under, if it is.
#[derive(Default)]
pub(super) struct Loading(Mutex<Option<Running>>);

struct Running {
    over: watch::Sender<bool>,
    good: JoinHandle<Loaded>,
    unknown: JoinHandle<u64>,
}

/// Verifications come in bursts, so that the pauses between them are long enough for a timer.
const TICK: Duration = Duration::from_millis(1);

impl Loading {
    /// Starts it, in place of what was there before, when every key was looked up once: a load that
    /// begins with a thousand lookups is another than it is later.
    pub(super) async fn start(&self, service: &Service, load: Load) {
        let over = watch::Sender::new(false);
        let Load { keys, rate, unknown_rate, seed } = load;
        let mut lookups = JoinSet::new();
        for key in &keys {
            let (service, key) = (service.clone(), key.clone());
            lookups.spawn(async move { service.verify(key.expose()).await.is_ok() });
        }
        lookups.join_all().await;
        let (service, random) = (service.clone(), StdRng::seed_from_u64(seed));
        let good = Good { service: service.clone(), keys, random, loaded: Loaded::default() };
        let good = tokio::spawn(good.run(rate, over.subscribe()));
        let unknown = tokio::spawn(present_unknown(service, unknown_rate, over.subscribe()));
        self.replace(Some(Running { over, good, unknown }));
    }

    /// Ends it, and tells what it came to.
    pub(super) async fn stop(&self) -> Loaded {
        let Some(Running { over, good, unknown }) = self.replace(None) else {
            return Loaded::default();
        };
        over.send_replace(true);
        let good = good.await.unwrap_or_default();
        Loaded { unknown: unknown.await.unwrap_or_default(), ..good }
    }

    fn replace(&self, by: Option<Running>) -> Option<Running> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), by)
    }
}

struct Good {
    service: Service,
    keys: Vec<Plaintext>,
    random: StdRng,
    loaded: Loaded,
}

impl Good {
    async fn run(mut self, rate: u32, over: watch::Receiver<bool>) -> Loaded {
        let start = Instant::now();
        let mut pace = Pace::new(rate);
        while let Some(burst) = pace.next(&over).await {
            for _ in 0..burst {
                let key = &self.keys[self.random.random_range(0..self.keys.len())];
                match self.service.verify(key.expose()).await {
                    Ok(_) => self.loaded.accepted += 1,
                    Err(VerifyError::Refused(_)) => self.loaded.refused += 1,
                    Err(_) => self.loaded.unavailable += 1,
                }
            }
        }
        Loaded { lasted: start.elapsed(), ..self.loaded }
    }
}

/// Keys that nobody has: each needs a lookup, and those of a burst share one.
async fn present_unknown(service: Service, rate: u32, over: watch::Receiver<bool>) -> u64 {
    let mut presented = 0;
    let mut pace = Pace::new(rate);
    while let Some(burst) = pace.next(&over).await {
        let mut lookups = JoinSet::new();
        for _ in 0..burst {
            let Ok(key) = FORMAT.generate(keyfob::Environment::Live) else { return presented };
            let service = service.clone();
            lookups.spawn(async move { service.verify(key.expose_secret()).await.is_ok() });
        }
        presented += lookups.join_all().await.len() as u64;
    }
    presented
}

/// Says how many are due at each tick. What a tick missed is not made up for: a node that was
/// stopped is not flooded when it goes on.
struct Pace {
    per_tick: f64,
    due: f64,
    ticks: tokio::time::Interval,
}

impl Pace {
    fn new(rate: u32) -> Self {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { per_tick: f64::from(rate) * TICK.as_secs_f64(), due: 0.0, ticks }
    }

    async fn next(&mut self, over: &watch::Receiver<bool>) -> Option<u32> {
        self.ticks.tick().await;
        if *over.borrow() || over.has_changed().is_err() {
            return None;
        }
        self.due += self.per_tick;
        let burst = self.due.floor();
        self.due -= burst;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole, not below zero, and at most a thousandth of a u32 and one more"
        )]
        let burst = burst as u32;
        Some(burst)
    }
}
