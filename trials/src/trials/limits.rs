//! Creators in several processes race for the slots of an organization: as many keys are made as
//! there are slots, each time.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::all::all;
use crate::failure::Failure;
use crate::findings::Findings;
use crate::monotonic::Monotonic;
use crate::node_process::NodeProcess;
use crate::protocol::Raced;
use crate::stage::Stage;
use crate::trial::{Plan, Size};

const NODES: usize = 4;

/// On each node.
const CREATORS: usize = 16;

/// Rounds that go on at the same time, each for an organization of its own.
const AT_ONCE: u64 = 8;

/// For the commands to reach every node before the race begins.
const HEAD_START: Duration = Duration::from_millis(3);

pub(crate) async fn run(plan: &Plan) -> Result<Findings, Failure> {
    let rounds = match plan.size {
        Size::Quick => 40,
        Size::Full => 10_000,
    };
    let stage = Stage::start(plan)?;
    let settings: Vec<_> =
        (0..NODES).map(|number| stage.settings(format!("node-{number}"))).collect();
    let nodes = stage.nodes(&settings).await?;
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut findings = Findings::default();
    let start = Monotonic::now();
    let mut round = 0;
    while round < rounds {
        let slots: Vec<_> = (round..rounds.min(round + AT_ONCE))
            .map(|round| (round, random.random_range(1..=(NODES * CREATORS) as u64)))
            .collect();
        round += AT_ONCE;
        let races = slots.iter().map(|(round, slots)| race(&nodes, *round, *slots)).collect();
        for outcome in all(races).await? {
            outcome.check(&mut findings);
        }
    }
    let took = Monotonic::now().since(start).as_secs_f64();
    findings.figure(
        "races",
        format_args!("{rounds} of {} creators in {NODES} processes, {took:.1} s", NODES * CREATORS),
    );
    Ok(findings)
}

struct Outcome {
    round: u64,
    slots: u64,
    raced: Vec<Raced>,
    in_use: u64,
}

async fn race(nodes: &[NodeProcess], round: u64, slots: u64) -> Result<Outcome, Failure> {
    let organization = format!("race-{round}");
    let at = Monotonic::now().plus(HEAD_START);
    let calls = nodes.iter().map(|node| node.race(&organization, CREATORS, slots, at)).collect();
    let raced = all(calls).await?;
    let in_use = nodes[0].keys_in_use(&organization).await?;
    Ok(Outcome { round, slots, raced, in_use })
}

impl Outcome {
    fn check(&self, findings: &mut Findings) {
        let Self { round, slots, raced, in_use } = self;
        let created: u64 = raced.iter().map(|raced| raced.created).sum();
        let limited: u64 = raced.iter().map(|raced| raced.limited).sum();
        findings.promise(created == *slots && in_use == slots, || {
            format!("round {round}: {slots} slots, {created} keys made, {in_use} in use")
        });
        findings.promise(created + limited == (NODES * CREATORS) as u64, || {
            let failures: Vec<_> = raced.iter().flat_map(|raced| &raced.failures).collect();
            format!("round {round}: every creator is answered: {failures:?}")
        });
    }
}
