//! How soon a revocation is in force: from the return of the call that revoked to the last moment at
//! which any node let the key in.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::all::all;
use crate::chart::{self, Latencies};
use crate::distribution::{Distribution, Millis};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::monotonic::Monotonic;
use crate::node_process::{NodeProcess, Revoked};
use crate::protocol::{Answer, KeyName, Load, Loaded, Settings, Sight, WatchedKey};
use crate::stage::Stage;
use crate::trial::{Plan, Size};

const NODES: usize = 3;

/// The goals.
const P99_WHEN_IDLE: Duration = Duration::from_millis(2);
const P99_UNDER_LOAD: Duration = Duration::from_millis(20);

/// As few as disturb an idle machine little.
const WAVE_WHEN_IDLE: usize = 10;
const WAVE_UNDER_LOAD: usize = 50;

/// The revocations of a wave come at random within this.
const WAVE_SPAN: Duration = Duration::from_millis(100);

/// Within this a revocation is in force, or the trial waits no longer for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What each node is busy with beside, a second.
const LOAD: u32 = 20_000;
const LOAD_OF_UNKNOWN: u32 = 500;
const LOAD_KEYS: usize = 1_000;

pub(crate) async fn run(plan: &Plan) -> Result<Findings, Failure> {
    let (idle, loaded) = match plan.size {
        Size::Quick => (20, 100),
        Size::Full => (2_000, 10_000),
    };
    let stage = Stage::start(plan)?;
    let settings: Vec<_> = (0..NODES)
        .map(|number| Settings {
            watch_pause: Duration::from_micros(300),
            ..stage.settings(format!("node-{number}"))
        })
        .collect();
    let nodes = stage.nodes(&settings).await?;
    let mut revoking = Revoking {
        nodes,
        random: StdRng::seed_from_u64(plan.seed),
        findings: Findings::default(),
        bound: settings[0].staleness_bound,
        calls: Vec::new(),
    };
    let mut chart = Latencies::new();
    let late = revoking.revoke(idle, WAVE_WHEN_IDLE).await?;
    revoking.report("idle", &late, P99_WHEN_IDLE);
    chart.add("idle", &late, P99_WHEN_IDLE);

    revoking.start_load(plan.seed).await?;
    let late = revoking.revoke(loaded, WAVE_UNDER_LOAD).await?;
    revoking.stop_load().await?;
    revoking.report("under load", &late, P99_UNDER_LOAD);
    chart.add("under load", &late, P99_UNDER_LOAD);
    if let Some(charts) = &plan.charts {
        chart::save(charts, "propagation", &chart.to_svg())?;
    }
    Ok(revoking.findings)
}

struct Revoking {
    nodes: Vec<NodeProcess>,
    random: StdRng,
    findings: Findings,
    bound: Duration,
    /// How long each call took.
    calls: Vec<Duration>,
}

impl Revoking {
    /// So many keys, wave after wave. Answers how late the last acceptance of each was.
    async fn revoke(&mut self, keys: usize, wave: usize) -> Result<Distribution, Failure> {
        let mut late = Vec::with_capacity(keys);
        while late.len() < keys {
            let wave = wave.min(keys - late.len());
            late.extend(self.wave(wave).await?);
        }
        Ok(Distribution::of(late))
    }

    async fn wave(&mut self, size: usize) -> Result<Vec<Duration>, Failure> {
        let keys = self.nodes[0].create("propagation", size).await?;
        for node in &self.nodes {
            node.watch(keys.clone()).await?;
        }
        self.until(&keys, "every node accepts the keys", |sight| sight.last_acceptance().is_some())
            .await?;
        let revoked = self.revoke_all(&keys).await?;
        self.calls.extend(revoked.iter().map(|(_, call)| call.returned.since(call.began)));
        self.until(&keys, "every node refuses the keys", |sight| {
            sight.began_last(Answer::is_refusal).is_some()
        })
        .await?;
        let names = names(&keys);
        let mut late = vec![Duration::ZERO; size];
        for (at, node) in self.nodes.iter().enumerate() {
            let sights = node.unwatch(names.clone()).await?;
            for ((late, sight), (by, revoked)) in late.iter_mut().zip(&sights).zip(&revoked) {
                let own = lateness(sight, *revoked);
                check(&mut self.findings, sight, own, *by == at, self.bound);
                *late = own.max(*late);
            }
        }
        Ok(late)
    }

    /// Each at a random moment, by the nodes in turn. Answers which node did it, and when.
    async fn revoke_all(&mut self, keys: &[WatchedKey]) -> Result<Vec<(usize, Revoked)>, Failure> {
        let start = Monotonic::now();
        let calls: Vec<_> = keys
            .iter()
            .enumerate()
            .map(|(number, key)| {
                let by = number % self.nodes.len();
                let at = start.plus(WAVE_SPAN.mul_f64(self.random.random()));
                let node = &self.nodes[by];
                async move {
                    tokio::time::sleep(at.remaining()).await;
                    Ok((by, node.revoke(&key.name).await?))
                }
            })
            .collect();
        all(calls).await
    }

    async fn until(
        &self,
        keys: &[WatchedKey],
        what: &'static str,
        seen: impl Fn(&Sight) -> bool,
    ) -> Result<(), Failure> {
        let deadline = Monotonic::now().plus(PATIENCE);
        for node in &self.nodes {
            while !node.see(names(keys)).await?.iter().all(&seen) {
                if deadline.remaining().is_zero() {
                    return Err(Failure::Late(what));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }

    async fn start_load(&self, seed: u64) -> Result<(), Failure> {
        let keys = self.nodes[0].create("load", LOAD_KEYS).await?;
        for (number, node) in self.nodes.iter().enumerate() {
            let keys = keys.iter().map(|key| key.plaintext.clone()).collect();
            let seed = seed.wrapping_add(number as u64);
            node.start_load(Load { keys, rate: LOAD, unknown_rate: LOAD_OF_UNKNOWN, seed }).await?;
        }
        Ok(())
    }

    async fn stop_load(&mut self) -> Result<(), Failure> {
        for (number, node) in self.nodes.iter().enumerate() {
            let Loaded { accepted, refused, unavailable, unknown, lasted } =
                node.stop_load().await?;
            self.findings.promise(refused == 0, || {
                format!("a good key is not refused: {refused} times on node {number}")
            });
            let seconds = lasted.as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
            let rates = [accepted, unknown].map(|count| count as f64 / seconds);
            self.findings.figure(
                &format!("node {number}"),
                format_args!(
                    "{:.0} verifications of good keys a second, {:.0} of unknown ones, \
                     {unavailable} without an answer",
                    rates[0], rates[1]
                ),
            );
        }
        Ok(())
    }

    fn report(&mut self, state: &str, late: &Distribution, p99: Duration) {
        self.findings.figure(
            state,
            format_args!("last acceptance after the return of `revoke`: {late} revocations"),
        );
        let calls = Distribution::of(std::mem::take(&mut self.calls));
        self.findings.figure(&format!("{state}, the call itself"), calls);
        let never = late.sorted().iter().filter(|late| late.is_zero()).count();
        self.findings.figure(&format!("{state}, never accepted after it"), never);
        let measured = late.percentile(99);
        self.findings.goal(
            &format!("{state}, p99"),
            Millis(measured),
            &format!("{} or less", Millis(p99)),
            measured <= p99,
        );
        let (measured, second) = (late.most(), Duration::from_secs(1));
        let goal = format!("{} or less", Millis(second));
        let name = format!("{state}, maximum");
        self.findings.goal(&name, Millis(measured), &goal, measured <= second);
    }
}

fn lateness(sight: &Sight, revoked: Revoked) -> Duration {
    sight.last_acceptance().map_or(Duration::ZERO, |last| last.since(revoked.returned))
}

fn check(findings: &mut Findings, sight: &Sight, late: Duration, own: bool, bound: Duration) {
    findings.promise(sight.is_complete(), || "answers do not change without end".into());
    findings.promise(!own || late.is_zero(), || {
        format!("the node that revokes accepts nothing afterwards: {} late", Millis(late))
    });
    findings.promise(late <= bound, || {
        format!("no acceptance comes later than the bound: {} late", Millis(late))
    });
}

fn names(keys: &[WatchedKey]) -> Vec<KeyName> {
    keys.iter().map(|key| key.name.clone()).collect()
}
