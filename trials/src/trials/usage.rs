//! Nodes are killed while they count, and their connections cut when a write has committed and before
//! they hear of it: usage is never over-counted, and what a killed node had not written down is all that
//! is lost.

mod ledger;

use std::path::Path;
use std::time::Duration;

use keyfob_test_cluster::Proxy;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::all::all;
use crate::distribution::{Distribution, Millis};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::monotonic::Monotonic;
use crate::node_process::NodeProcess;
use crate::protocol::{Settings, Told, WatchedKey};
use crate::stage::{Ground, Primary, Stage};
use crate::trial::{Plan, Size, Store};
use ledger::Ledger;

const ORGANIZATION: &str = "usage";
const KEYS: usize = 20;

/// Nodes that count at the same time.
const SIDE_BY_SIDE: usize = 3;

pub(crate) async fn run(plan: &Plan) -> Result<Findings, Failure> {
    let (lives, interval) = match plan.size {
        Size::Quick => (2, Duration::from_millis(200)),
        Size::Full => (35, Duration::from_secs(1)),
    };
    let stage = Stage::start(plan)?;
    let observer = NodeProcess::start(stage.program(), &stage.settings("observer")).await?;
    let keys = observer.create(ORGANIZATION, KEYS).await?;

    let seats: Result<Vec<_>, _> = (0..SIDE_BY_SIDE as u64)
        .map(|seat| Seat::new(&stage, &keys, interval, plan.seed.wrapping_add(seat)))
        .collect();
    let seats = seats?;
    let ledgers = all(seats.iter().map(|seat| seat.take_turns(lives)).collect()).await?;
    let recorded = observer.usage(ORGANIZATION).await?;

    let mut findings = Findings::default();
    let mut ledger = Ledger::default();
    for own in ledgers {
        ledger.add(own);
    }
    ledger.check(&recorded, &mut findings);
    report(&ledger, &recorded, interval, &mut findings);
    let lost: u64 = seats.iter().map(Seat::lost_answers).sum();
    if plan.store == Store::Postgres {
        findings.figure("connections cut between a commit and its answer", lost);
        findings.promise(lost > 0, || "no connection was cut: nothing is shown of that".into());
    }
    Ok(findings)
}

/// A place where one node counts, is killed, and another follows.
struct Seat<'t> {
    program: &'t Path,
    settings: Settings,
    /// Between the nodes and the server, where there is one.
    proxy: Option<Proxy>,
    keys: &'t [WatchedKey],
    seed: u64,
}

impl<'t> Seat<'t> {
    fn new(
        stage: &'t Stage,
        keys: &'t [WatchedKey],
        interval: Duration,
        seed: u64,
    ) -> Result<Self, Failure> {
        let proxy = match stage.ground() {
            Ground::Sqlite(_) => None,
            Ground::Postgres(Primary { server, .. }) => Some(Proxy::start(server.port())?),
        };
        let store = proxy.as_ref().map_or_else(|| stage.place(), |p| stage.place_on(p.port()));
        let settings = Settings { usage_interval: interval, store, ..stage.settings("counting") };
        Ok(Self { program: stage.program(), settings, proxy, keys, seed })
    }

    async fn take_turns(&self, lives: usize) -> Result<Ledger, Failure> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut ledger = Ledger::default();
        for turn in 0..MOST_TIMES * lives {
            if turn >= lives && !self.has_cut_nothing() {
                break;
            }
            let life = self.settings.usage_interval.mul_f64(random.random_range(0.1..4.0));
            let before: f64 = random.random_range(0.0..1.0);
            let (node, told) = NodeProcess::start_talking(self.program, &self.settings).await?;
            node.meter(self.keys.to_vec()).await?;
            sleep(life.mul_f64(before)).await;
            if let Some(proxy) = &self.proxy {
                proxy.lose_next_answer(RECORDED);
            }
            sleep(life.mul_f64(1.0 - before)).await;
            node.kill()?;
            ledger.close(heard(told).await, Monotonic::now());
        }
        Ok(ledger)
    }

    /// Whether there is a proxy, and no answer that it was to lose has come.
    fn has_cut_nothing(&self) -> bool {
        self.proxy.as_ref().is_some_and(|proxy| proxy.lost_answers() == 0)
    }

    fn lost_answers(&self) -> u64 {
        self.proxy.as_ref().map_or(0, Proxy::lost_answers)
    }
}

/// How many times as many lives a seat has at most, until a connection was cut in one.
const MOST_TIMES: usize = 20;

/// How the server answers the statement that adds up usage, and no other that a node sends.
const RECORDED: &str = "DELETE";

/// All that a node had told when it died.
async fn heard(mut told: mpsc::UnboundedReceiver<Told>) -> Vec<Told> {
    let mut heard = Vec::new();
    while let Some(told) = told.recv().await {
        heard.push(told);
    }
    heard
}

fn report(
    ledger: &Ledger,
    recorded: &[(crate::protocol::KeyName, u64)],
    interval: Duration,
    findings: &mut Findings,
) {
    let counted = ledger.counted();
    let recorded: u64 = recorded.iter().map(|(_, count)| count).sum();
    findings.figure("nodes killed", ledger.open_spans().len());
    findings.figure("verifications told of", counted);
    let lost = counted.saturating_sub(recorded);
    findings.figure("of these not in the store, since their node was killed", lost);
    let spans = Distribution::of(ledger.open_spans().to_vec());
    findings.figure("not yet written down when a node was killed", &spans);
    let goal = interval + Duration::from_millis(250);
    findings.goal(
        "longest of these",
        Millis(spans.most()),
        &format!("the interval of {} and a quarter of a second for the write", Millis(interval)),
        spans.most() <= goal,
    );
}
