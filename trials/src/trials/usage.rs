//! Nodes are killed while they count: usage is never over-counted, and what a killed node had not
//! written down is all that is lost.

mod ledger;

use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;

use crate::all::all;
use crate::distribution::{Distribution, Millis};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::monotonic::Monotonic;
use crate::node_process::NodeProcess;
use crate::protocol::{Settings, Told, WatchedKey};
use crate::stage::Stage;
use crate::trial::{Plan, Size};
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
    let settings = Settings { usage_interval: interval, ..stage.settings("counting") };
    let observer = NodeProcess::start(stage.program(), &stage.settings("observer")).await?;
    let keys = observer.create(ORGANIZATION, KEYS).await?;

    let seats = (0..SIDE_BY_SIDE as u64).map(|seat| Seat {
        program: stage.program(),
        settings: &settings,
        keys: &keys,
        random: StdRng::seed_from_u64(plan.seed.wrapping_add(seat)),
    });
    let ledgers = all(seats.map(|seat| seat.take_turns(lives)).collect()).await?;
    let recorded = observer.usage(ORGANIZATION).await?;

    let mut findings = Findings::default();
    let mut ledger = Ledger::default();
    for own in ledgers {
        ledger.add(own);
    }
    ledger.check(&recorded, &mut findings);
    report(&ledger, &recorded, interval, &mut findings);
    Ok(findings)
}

/// A place where one node counts, is killed, and another follows.
struct Seat<'t> {
    program: &'t Path,
    settings: &'t Settings,
    keys: &'t [WatchedKey],
    random: StdRng,
}

impl Seat<'_> {
    async fn take_turns(mut self, lives: usize) -> Result<Ledger, Failure> {
        let mut ledger = Ledger::default();
        for _ in 0..lives {
            let life = self.settings.usage_interval.mul_f64(self.random.random_range(0.1..4.0));
            let (node, told) = NodeProcess::start_talking(self.program, self.settings).await?;
            node.meter(self.keys.to_vec()).await?;
            tokio::time::sleep(life).await;
            node.kill()?;
            ledger.close(heard(told).await, Monotonic::now());
        }
        Ok(ledger)
    }
}

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
