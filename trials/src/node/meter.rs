use std::time::Duration;

use rand::RngExt;

use super::Service;
use super::voice::Voice;
use crate::monotonic::Monotonic;
use crate::protocol::{Told, WatchedKey};

/// Between two keys.
const PAUSE: Duration = Duration::from_millis(1);

/// The most verifications that are told of by one line.
const MOST: u64 = 50;

/// How far the clock lags by which a service times its flushes.
const CLOCK_LAG: Duration = Duration::from_millis(10);

/// Verifies keys for as long as the process lives. What it is about to do is in the pipe before it
/// does it, so that whoever reads the pipe after its death knows the most that it can have counted.
pub(super) async fn run(service: &Service, voice: &Voice, keys: &[WatchedKey]) {
    loop {
        let (key, most) = {
            let mut random = rand::rng();
            (&keys[random.random_range(0..keys.len())], random.random_range(1..=MOST))
        };
        voice.say(&Told::Metering { key: key.name.clone(), most });
        let began = Monotonic::now();
        let mut counted = 0;
        for _ in 0..most {
            counted += u64::from(service.verify(key.plaintext.expose()).await.is_ok());
        }
        let ended = Monotonic::now();
        let durable_until = durable_until(service);
        voice.say(&Told::Metered { key: key.name.clone(), counted, began, ended, durable_until });
        tokio::time::sleep(PAUSE).await;
    }
}

/// When the last flush began that the store took.
fn durable_until(service: &Service) -> Option<Monotonic> {
    let now = Monotonic::now();
    let ago = service.health().last_usage_flush?;
    Some(now.minus(ago + CLOCK_LAG))
}
