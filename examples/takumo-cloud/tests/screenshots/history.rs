//! What an organization has done in three months, so that a picture shows a product in use. It is
//! written by keyfob itself, with a clock that is set back.

use std::sync::Arc;
use std::time::Duration;

use keyfob::{
    Actor, Clock as _, CreateKey, Environment, Expiry, Hour, KeyId, KeyLimit, KeyName, KeyRecord,
    KeyService, KeyStore as _, ManualClock, OrganizationId, Outcome, ScopeSet, SystemClock,
    Timestamp, UsageBatch, UsageCount,
};
use keyfob_sqlite::SqliteStore;
use takumo_cloud::takumo::{FORMAT, Scope};

use crate::site::Site;
use crate::tour::KEYS;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Lets the organization `demo` have lived.
pub(crate) fn live_through(site: &Site) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(site.directory().join("takumo.db")).await.unwrap();
        let clock = Arc::new(ManualClock::new(SystemClock.wall()));
        let keys = KeyService::builder(FORMAT, store.clone()).with_clock(Arc::clone(&clock));
        let now = clock.wall();
        let mut life =
            Life { keys: keys.without_registration().build(), clock, now, made: Vec::new() };
        life.keys_come_and_go().await;
        life.requests_are_made().await;
        drop(life);
        store.close().await;
    });
}

struct Life {
    keys: KeyService<Scope, SqliteStore>,
    clock: Arc<ManualClock>,
    now: Timestamp,
    made: Vec<KeyRecord>,
}

impl Life {
    async fn keys_come_and_go(&mut self) {
        let alice = "user:alice@example.com";
        let bob = "user:bob@example.com";
        self.create("old-laptop", 88 * DAY, bob).await;
        self.create("ci-pipeline", 75 * DAY, alice).await;
        self.create("grafana-dashboard", 61 * DAY, alice).await;
        self.create("nightly-scan", 34 * DAY, "cli").await;
        self.create("cursor-laptop", 26 * DAY, bob).await;
        self.create("staging-gateway", 12 * DAY, alice).await;
        for week in (1..9).rev() {
            let (id, by) = self.at(week * 7 * DAY, "ci-pipeline", "cli");
            self.keys.rotate(&demo(), id, Duration::from_secs(DAY), by).await.unwrap();
            let (id, by) = self.at(week * 7 * DAY - 2 * HOUR, "ci-pipeline", "cli");
            self.keys.retire_old_secret(&demo(), id, by).await.unwrap();
        }
        let (id, by) = self.at(6 * DAY, "old-laptop", bob);
        let reason = "left on a train".parse().unwrap();
        self.keys.revoke(&demo(), id, Some(reason), by).await.unwrap();
        let (id, by) = self.at(3 * DAY, "grafana-dashboard", "user:owner");
        self.keys.disable(&demo(), id, by).await.unwrap();
        let (id, by) = self.at(95 * MINUTE, "cursor-laptop", bob);
        self.keys.rotate(&demo(), id, Duration::from_secs(DAY), by).await.unwrap();
    }

    async fn create(&mut self, name: &str, ago: u64, by: &str) {
        let (_, environment, scopes) = KEYS.iter().find(|(own, ..)| *own == name).unwrap();
        self.clock.set_wall(self.ago(ago));
        let scopes = ScopeSet::<Scope>::from_patterns(scopes.iter().copied()).unwrap();
        let environment: Environment = environment.parse().unwrap();
        let name = KeyName::new(name).unwrap();
        let request = CreateKey::new(demo(), name, environment, scopes)
            .with_expiry(Expiry::After(Duration::from_secs(180 * DAY)));
        let by = Actor::new(by).unwrap();
        let created = self.keys.create(request, KeyLimit::AtMost(10), by).await.unwrap();
        self.made.push(created.key);
    }

    /// Sets the clock, and names the key and who changes it then.
    fn at(&self, ago: u64, name: &str, by: &str) -> (KeyId, Actor) {
        self.clock.set_wall(self.ago(ago));
        let key = self.made.iter().find(|key| key.name.as_str() == name).unwrap();
        (key.id, Actor::new(by).unwrap())
    }

    fn ago(&self, seconds: u64) -> Timestamp {
        let micros = i64::try_from(seconds * 1_000_000).unwrap();
        Timestamp::from_micros(self.now.as_micros() - micros)
    }

    /// Thirty days of them: more by day than by night, and fewer at the end of a week.
    async fn requests_are_made(&self) {
        let last = Hour::of(self.now).number();
        for (place, key) in self.made.iter().enumerate() {
            let mut counts = Vec::new();
            for hour in (last - 30 * 24)..=last {
                let start = Hour::from_number(hour).start();
                let (accepted, refused) = requests(key.name.as_str(), place, hour);
                for (outcome, count) in
                    [(Outcome::Accepted, accepted), (Outcome::MissingScope, refused)]
                {
                    let lives = start > key.created_at && self.is_used_at(key, start);
                    if count > 0 && lives {
                        counts.push(self.count(key, hour, outcome, count));
                    }
                }
            }
            for (part, counts) in counts.chunks(500).enumerate() {
                let mut id = [0; 16];
                id[0] = u8::try_from(place).unwrap();
                id[1] = u8::try_from(part).unwrap();
                let batch = UsageBatch { id, at: self.now, counts: counts.to_vec() };
                self.keys.store().record_usage(&batch).await.unwrap();
            }
        }
    }

    fn is_used_at(&self, key: &KeyRecord, at: Timestamp) -> bool {
        match key.name.as_str() {
            "old-laptop" => at < self.ago(8 * DAY),
            "grafana-dashboard" => at < self.ago(3 * DAY),
            _ => true,
        }
    }

    fn count(&self, key: &KeyRecord, hour: i64, outcome: Outcome, count: u64) -> UsageCount {
        let end = Hour::from_number(hour + 1).start();
        let secret = match key.name.as_str() {
            "ci-pipeline" => 9,
            // The new secret of the rotation is not deployed yet.
            _ => 1,
        };
        let last_at = end.min(self.ago(4 * MINUTE));
        UsageCount {
            organization: demo(),
            key: key.id,
            secret,
            hour: Hour::from_number(hour),
            outcome,
            count,
            last_at,
        }
    }
}

fn demo() -> OrganizationId {
    "demo".parse().unwrap()
}

/// How many are accepted and refused in this hour: made up, and the same in each run.
fn requests(name: &str, place: usize, hour: i64) -> (u64, u64) {
    let busy = match name {
        "nightly-scan" => return if hour.rem_euclid(24) == 2 { (940, 0) } else { (0, 0) },
        "ci-pipeline" => 46,
        "grafana-dashboard" => 30,
        "cursor-laptop" => 18,
        _ => 5,
    };
    let of_day = hour.rem_euclid(24).abs_diff(14);
    let by_hour = 12_u64.saturating_sub(of_day) + 1;
    // The epoch began on a Thursday.
    let weekend = matches!((hour.div_euclid(24) + 4).rem_euclid(7), 0 | 6);
    let seed = u64::try_from(hour).unwrap() * 2_654_435_761 + u64::try_from(place).unwrap() * 97;
    let some = busy * by_hour / 10 * (70 + seed % 61) / 100;
    let accepted = if weekend { some / 4 } else { some };
    (accepted, if seed % 9 == 0 { accepted / 6 } else { 0 })
}
