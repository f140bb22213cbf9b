//! How often somebody has tried to sign in and failed, in bounded memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyfob::Timestamp;

/// Counts failures by login and by address.
///
/// Counts stand in a table of fixed size, at a place that depends on a seed which nobody outside
/// knows. Two that meet at one place share their count: somebody may have to wait for another's
/// failures, and nobody gets more attempts. No number of made-up logins makes it grow.
pub(crate) struct Attempts {
    seed: RandomState,
    places: Mutex<Box<[Place]>>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// The window that it counts in.
    window: i64,
    failures: u32,
}

const PLACES: u64 = 8192;
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Of one login. A password of 12 characters is not guessed in ten attempts a quarter of an hour.
const OF_LOGIN: u32 = 10;
/// Of one address, which may be a whole office's.
const OF_ADDRESS: u32 = 50;

impl Attempts {
    pub(crate) fn new() -> Self {
        let places = (0..PLACES).map(|_| Place::default()).collect();
        Self { seed: RandomState::new(), places: Mutex::new(places) }
    }

    /// Counts an attempt beforehand, so that many at a time are no way around the limit; false says
    /// that there were too many. One that succeeds is taken back by [`succeeded`](Self::succeeded).
    pub(crate) fn begin(&self, login: &str, address: IpAddr, now: Timestamp) -> bool {
        let by_address = self.count(&("address", network(address)), OF_ADDRESS, now);
        let by_login = self.count(&("login", login), OF_LOGIN, now);
        by_address && by_login
    }

    pub(crate) fn succeeded(&self, login: &str, address: IpAddr) {
        self.change(&("address", network(address)), |place| {
            place.failures = place.failures.saturating_sub(1);
        });
        self.change(&("login", login), |place| place.failures = 0);
    }

    fn count(&self, whose: &impl Hash, most: u32, now: Timestamp) -> bool {
        let micros = i64::try_from(WINDOW.as_micros()).expect("15 minutes are few microseconds");
        let window = now.as_micros().div_euclid(micros);
        self.change(whose, |place| {
            if place.window != window {
                *place = Place { window, failures: 0 };
            }
            let allowed = place.failures < most;
            place.failures = place.failures.saturating_add(1);
            allowed
        })
    }

    fn change<T>(&self, whose: &impl Hash, change: impl FnOnce(&mut Place) -> T) -> T {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(self.seed.hash_one(whose) % PLACES).expect("less than 8192");
        change(&mut places[place])
    }
}

/// What one subscriber has: a whole /64 of IPv6.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn login_has_ten_attempts_in_a_while_from_wherever() {
        let attempts = Attempts::new();
        for last in 0..10 {
            assert!(attempts.begin("alice", address(last), NOW));
        }
        assert!(!attempts.begin("alice", address(99), NOW));
        assert!(attempts.begin("alice", address(99), NOW.saturating_add(WINDOW)));
    }

    #[test]
    fn address_has_fifty_attempts_for_whomever() {
        let attempts = Attempts::new();
        let made = (0..60).filter(|n| attempts.begin(&format!("user{n}"), address(1), NOW)).count();
        assert!((48..=50).contains(&made), "{made}");
    }

    #[test]
    fn success_gives_the_attempts_back() {
        let attempts = Attempts::new();
        for _ in 0..100 {
            assert!(attempts.begin("alice", address(1), NOW));
            attempts.succeeded("alice", address(1));
        }
    }
}
