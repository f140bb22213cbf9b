use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::scenario::{BYSTANDER, GOOD_KEYS, Scenario, VICTIM};
use crate::all::all;
use crate::distribution::Millis;
use crate::failure::Failure;
use crate::monotonic::Monotonic;
use crate::node_process::{NodeProcess, Revoked};
use crate::protocol::{Answer, KeyName, Settings, Sight, WatchedKey};
use crate::stage::Stage;

/// A run that is over: what was done, and what each node answered all the while.
pub(super) struct Run {
    pub(super) scenario: Scenario,
    pub(super) began: Monotonic,
    /// When the fault was surely there, and when it was about to go.
    pub(super) fault: (Monotonic, Monotonic),
    /// When the fault was surely over.
    pub(super) healed: Monotonic,
    /// Which node revoked each key that was revoked, and when.
    pub(super) revoked: Vec<(usize, Revoked)>,
    /// By node: the keys that were revoked in the order of `revoked`, then the good ones.
    pub(super) sights: Vec<Vec<Sight>>,
}

/// How long to wait for a node to serve again, before it is taken to be broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at whether something has come.
const LOOK: Duration = Duration::from_millis(20);

impl Run {
    pub(super) async fn of(scenario: Scenario, stage: Arc<Stage>) -> Result<Self, Failure> {
        let settings: Vec<_> = ["victim", "bystander"]
            .map(|name| Settings {
                staleness_bound: scenario.bound,
                lookup_timeout: Duration::from_secs(1),
                ..stage.settings(name)
            })
            .into();
        let nodes = stage.nodes(&settings).await?;
        let keys = scenario.revocations.len() + GOOD_KEYS;
        let keys = nodes[BYSTANDER].create("bound", keys).await?;
        for node in &nodes {
            node.watch(keys.clone()).await?;
        }
        let names = names(&keys);
        until(&nodes, &names, "every node accepts the keys", |sights| {
            sights.iter().all(|sight| sight.last_acceptance().is_some())
        })
        .await?;

        let began = Monotonic::now();
        let revocations = scenario.revocations.iter().zip(&names).map(|((after, by), key)| {
            let at = began.plus(*after);
            revoke(&nodes[*by], *by, key, at)
        });
        let (revoked, (fault, healed)) =
            tokio::try_join!(all(revocations.collect()), break_and_mend(&scenario, began, &nodes))?;
        let done = revoked.iter().map(|(_, revoked)| revoked.returned).fold(healed, Ord::max);

        until(&nodes, &names, "every node serves again", |sights| {
            let (gone, good) = sights.split_at(revoked.len());
            gone.iter().all(|sight| answered(sight, done, Answer::is_refusal))
                && good.iter().all(|sight| answered(sight, done, |a| *a == Answer::Accepted))
        })
        .await?;
        tokio::time::sleep(scenario.afterwards).await;
        let mut sights = Vec::with_capacity(nodes.len());
        for node in &nodes {
            sights.push(node.unwatch(names.clone()).await?);
        }
        Ok(Self { scenario, began, fault, healed, revoked, sights })
    }

    pub(super) fn faults(&self) -> impl Iterator<Item = Fault> {
        [self.scenario.fault].into_iter()
    }
}

/// Until it is done: a node that can't reach its store tries again, as a client of it would.
async fn revoke(
    node: &NodeProcess,
    by: usize,
    key: &KeyName,
    at: Monotonic,
) -> Result<(usize, Revoked), Failure> {
    tokio::time::sleep(at.remaining()).await;
    let deadline = Monotonic::now().plus(PATIENCE * 4);
    loop {
        match node.revoke(key).await {
            Err(failure) if failure.is_transient() && !deadline.remaining().is_zero() => {
                tokio::time::sleep(LOOK).await;
            }
            outcome => return Ok((by, outcome?)),
        }
    }
}

/// Answers when the fault was there, from when to when, and when it was over.
async fn break_and_mend(
    scenario: &Scenario,
    began: Monotonic,
    nodes: &[NodeProcess],
) -> Result<((Monotonic, Monotonic), Monotonic), Failure> {
    let victim = &nodes[VICTIM];
    tokio::time::sleep(began.plus(scenario.fault_after).remaining()).await;
    scenario.fault.begin(victim).await?;
    let there = Monotonic::now();
    tokio::time::sleep(scenario.fault_lasts).await;
    let going = Monotonic::now();
    scenario.fault.end(victim).await?;
    Ok(((there, going), Monotonic::now()))
}

async fn until(
    nodes: &[NodeProcess],
    keys: &[KeyName],
    what: &'static str,
    seen: impl Fn(&[Sight]) -> bool,
) -> Result<(), Failure> {
    let deadline = Monotonic::now().plus(PATIENCE);
    for node in nodes {
        while !seen(&node.see(keys.to_vec()).await?) {
            if deadline.remaining().is_zero() {
                return Err(Failure::Late(what));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// Whether the last answer is such a one, and is to a verification that began after the moment.
fn answered(sight: &Sight, after: Monotonic, is_such: impl Fn(&Answer) -> bool) -> bool {
    sight.segments().last().is_some_and(|last| is_such(&last.answer) && last.last_began > after)
}

fn names(keys: &[WatchedKey]) -> Vec<KeyName> {
    keys.iter().map(|key| key.name.clone()).collect()
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { seed, bound, fault, fault_lasts, .. } = &self.scenario;
        let late = self.lateness().max().unwrap_or_default();
        let recovered = self.recovery().max().unwrap_or_default();
        write!(
            f,
            "seed {seed}: {} for {}, bound {}; last acceptance after {}, recovered after {}",
            fault.name(),
            Millis(*fault_lasts),
            Millis(*bound),
            Millis(late),
            Millis(recovered)
        )
    }
}
