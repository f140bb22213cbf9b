//! Whatever breaks, no node honours a revoked key for longer than the staleness bound; a good key is
//! never refused; and what was cut off serves again without a restart.

mod fault;
mod portrait;
mod run;
mod scenario;
mod scene;
mod servers;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::chart;
use crate::distribution::{Distribution, Millis};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::trial::{Plan, Size};
use run::Run;
use scenario::Scenario;
use servers::Servers;

/// Runs that go on at the same time: they mostly wait.
const AT_ONCE: usize = 6;

/// Within this a node serves again, once it can.
const RECOVERY: Duration = Duration::from_secs(2);

pub(crate) async fn run(plan: &Plan) -> Result<Findings, Failure> {
    let runs = match plan.size {
        Size::Quick => 8,
        Size::Full => 200,
    };
    let servers = Arc::new(Servers::start(plan).await?);
    let mut findings = Findings::default();
    let mut tally = Tally::default();
    let mut going = JoinSet::new();
    let mut next = 0;
    while next < runs || !going.is_empty() {
        if next < runs && going.len() < AT_ONCE {
            let seed = plan.seed.wrapping_add(next);
            let scenario = Scenario::draw(seed, plan.size, plan.store);
            let servers = Arc::clone(&servers);
            going.spawn(async move {
                let run = Run::of(scenario, &servers).await;
                run.map_err(|failure| Failure::InRun { seed, failure: Box::new(failure) })
            });
            next += 1;
        } else if let Some(run) = going.join_next().await {
            let run = run.map_err(|_| Failure::Late("a run has ended"))??;
            println!("  {run}");
            run.check(plan.size, &mut findings);
            tally.add(&run);
        }
    }
    tally.report(&mut findings);
    if let Some(charts) = &plan.charts {
        let run = Run::of(Scenario::plain(), &servers).await?;
        run.check(plan.size, &mut findings);
        chart::save(charts, "bound", &portrait::of(&run).to_svg())?;
    }
    Ok(findings)
}

#[derive(Default)]
struct Tally {
    late: Vec<Duration>,
    recovered: Vec<Duration>,
    faults: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn add(&mut self, run: &Run) {
        self.late.extend(run.lateness());
        self.recovered.extend(run.recovery());
        for broken in &run.broken {
            *self.faults.entry(broken.fault.name()).or_default() += 1;
        }
    }

    fn report(self, findings: &mut Findings) {
        for (fault, runs) in self.faults {
            findings.figure(fault, format_args!("in {runs} runs"));
        }
        let late = Distribution::of(self.late);
        findings.figure(
            "last acceptance after the return of `revoke`",
            format_args!("{late} revocations"),
        );
        let recovered = Distribution::of(self.recovered);
        findings.goal(
            "good keys are accepted again, after the fault is over",
            format_args!("{recovered} nodes"),
            &format!("{} at most", Millis(RECOVERY)),
            recovered.most() <= RECOVERY,
        );
    }
}
