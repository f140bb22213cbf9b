//! How often somebody has tried to sign in and failed, in bounded memory.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyfob::Timestamp;

/// Counts failures by login and by address.
pub(crate) struct Attempts {
    of_logins: Failures,
    of_addresses: Failures,
}

const WINDOW: Duration = Duration::from_secs(15 * 60);
/// A password of 12 characters is not guessed in ten attempts a quarter of an hour.
const OF_LOGIN: u32 = 10;
/// It may be a whole office's.
const OF_ADDRESS: u32 = 50;

impl Attempts {
    pub(crate) fn new() -> Self {
        Self { of_logins: Failures::new(OF_LOGIN), of_addresses: Failures::new(OF_ADDRESS) }
    }

    /// Counts an attempt beforehand, so that many at a time are no way around the limit; false says
    /// that there were too many. One that succeeds is taken back by [`succeeded`](Self::succeeded).
    pub(crate) fn begin(&self, login: &str, address: IpAddr, now: Timestamp) -> bool {
        let by_address = self.of_addresses.count(&network(address), now);
        let by_login = self.of_logins.count(login, now);
        by_address && by_login
    }

    pub(crate) fn succeeded(&self, login: &str, address: IpAddr) {
        self.of_addresses.change(&network(address), |place| {
            place.failures = place.failures.saturating_sub(1);
        });
        self.of_logins.change(login, |place| place.failures = 0);
    }
}

/// Counts stand in a table of fixed size, at a place that depends on a seed which nobody outside
/// knows. Two that meet at one place share their count: somebody may have to wait for another's
/// failures, and nobody gets more attempts. No number of made-up logins makes it grow.
struct Failures {
    most: u32,
    seed: RandomState,
    places: Mutex<Box<[Place]>>,
}

#[derive(Clone, Copy)]
struct Place {
    /// When the first of its failures was: they are forgotten together.
    since: Timestamp,
    failures: u32,
}

const PLACES: u64 = 8192;

impl Failures {
    fn new(most: u32) -> Self {
        let place = Place { since: Timestamp::from_micros(0), failures: 0 };
        let places = (0..PLACES).map(|_| place).collect();
        Self { most, seed: RandomState::new(), places: Mutex::new(places) }
    }

    fn count<W: Hash + ?Sized>(&self, whose: &W, now: Timestamp) -> bool {
        self.change(whose, |place| {
            // Before it as well as after: a clock may be set back.
            let apart = now.as_micros().abs_diff(place.since.as_micros());
            if place.failures == 0 || u128::from(apart) >= WINDOW.as_micros() {
                *place = Place { since: now, failures: 0 };
            }
            let allowed = place.failures < self.most;
            place.failures = place.failures.saturating_add(1);
            allowed
        })
    }

    fn change<W: Hash + ?Sized, T>(&self, whose: &W, change: impl FnOnce(&mut Place) -> T) -> T {
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
        let almost = NOW.saturating_add(Duration::from_secs(15 * 60 - 1));
        assert!(!attempts.begin("alice", address(99), almost));
        for last in 0..10 {
            assert!(attempts.begin("alice", address(last), NOW.saturating_add(WINDOW)));
        }
        assert!(!attempts.begin("alice", address(99), NOW.saturating_add(WINDOW)));
        assert!(attempts.begin("alice", address(99), NOW), "the clock was set back");
    }

    #[test]
    fn address_has_fifty_attempts_for_whomever() {
        let attempts = Attempts::new();
        let made = (0..60).filter(|n| attempts.begin(&format!("user{n}"), address(1), NOW)).count();
        assert_eq!(made, 50);
        assert!(attempts.begin("user60", address(2), NOW));
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
