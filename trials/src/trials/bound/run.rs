use std::fmt;
use std::time::Duration;

use super::fault::Fault;
use super::scenario::{GOOD_KEYS, Planned, Scenario};
use super::scene::Scene;
use super::servers::Servers;
use crate::all::all;
use crate::distribution::Millis;
use crate::failure::Failure;
use crate::monotonic::Monotonic;
use crate::node_process::{NodeProcess, Revoked};
use crate::protocol::{Answer, KeyName, Sight, WatchedKey};

/// A run that is over: what was done, and what each node answered all the while.
pub(super) struct Run {
    pub(super) scenario: Scenario,
    pub(super) began: Monotonic,
    pub(super) broken: Vec<Broken>,
    /// When the last fault was surely over.
    pub(super) healed: Monotonic,
    /// Which node revoked each key that was revoked, and when.
    pub(super) revoked: Vec<(usize, Revoked)>,
    /// By node: the keys that were revoked in the order of `revoked`, then the good ones.
    pub(super) sights: Vec<Vec<Sight>>,
}

/// A fault that was.
#[derive(Clone, Copy)]
pub(super) struct Broken {
    pub(super) fault: Fault,
    /// When it was surely there, and when it was about to go.
    pub(super) there: Monotonic,
    pub(super) going: Monotonic,
    /// When it was surely over.
    pub(super) over: Monotonic,
}

/// How long to wait for a node to serve again, before it is taken to be broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at whether something has come.
const LOOK: Duration = Duration::from_millis(20);

impl Run {
    pub(super) async fn of(scenario: Scenario, servers: &Servers) -> Result<Self, Failure> {
        let scene = Scene::set(&scenario, servers).await?;
        let nodes = scene.nodes();
        let keys = scenario.revocations.len() + GOOD_KEYS;
        let keys = scene.bystander().create("bound", keys).await?;
        for node in nodes {
            node.watch(keys.clone()).await?;
        }
        let names = names(&keys);
        until(nodes, &names, "every node accepts the keys", |sights| {
            sights.iter().all(|sight| sight.last_acceptance().is_some())
        })
        .await?;
        scene.replica_follows().await?;

        let began = Monotonic::now();
        let revocations = scenario.revocations.iter().zip(&names).map(|((after, by), key)| {
            let at = began.plus(*after);
            revoke(&nodes[*by], *by, key, at)
        });
        let faults = scenario.faults.iter().map(|planned| break_and_mend(*planned, began, &scene));
        let (revoked, broken) =
            tokio::try_join!(all(revocations.collect()), all(faults.collect()))?;
        let healed = broken.iter().map(|broken| broken.over).fold(began, Ord::max);
        let done = revoked.iter().map(|(_, revoked)| revoked.returned).fold(healed, Ord::max);

        until(nodes, &names, "every node serves again", |sights| {
            let (gone, good) = sights.split_at(revoked.len());
            gone.iter().all(|sight| answered(sight, done, Answer::is_refusal))
                && good.iter().all(|sight| answered(sight, done, |a| *a == Answer::Accepted))
        })
        .await?;
        tokio::time::sleep(scenario.afterwards).await;
        let mut sights = Vec::with_capacity(nodes.len());
        for node in nodes {
            sights.push(node.unwatch(names.clone()).await?);
        }
        Ok(Self { scenario, began, broken, healed, revoked, sights })
    }
}

/// Until it is done: a node that can't reach its store tries again, as a client of it would. It may
/// have been done by an attempt whose answer was lost, so it began with the first.
async fn revoke(
    node: &NodeProcess,
    by: usize,
    key: &KeyName,
    at: Monotonic,
) -> Result<(usize, Revoked), Failure> {
    tokio::time::sleep(at.remaining()).await;
    let began = Monotonic::now();
    let deadline = began.plus(PATIENCE * 4);
    loop {
        match node.revoke(key).await {
            Err(failure) if failure.is_transient() && !deadline.remaining().is_zero() => {
                tokio::time::sleep(LOOK).await;
            }
            outcome => return Ok((by, Revoked { began, ..outcome? })),
        }
    }
}

async fn break_and_mend(
    planned: Planned,
    began: Monotonic,
    scene: &Scene,
) -> Result<Broken, Failure> {
    let Planned { fault, after, lasts } = planned;
    tokio::time::sleep(began.plus(after).remaining()).await;
    fault.begin(scene).await?;
    let there = Monotonic::now();
    fault.last(scene, lasts).await?;
    let going = Monotonic::now();
    fault.end(scene).await?;
    Ok(Broken { fault, there, going, over: Monotonic::now() })
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
        let Scenario { seed, bound, faults, lookups, pooled, .. } = &self.scenario;
        write!(f, "seed {seed}:")?;
        for Planned { fault, lasts, .. } in faults {
            write!(f, " {} for {:.1} s,", fault.name(), lasts.as_secs_f64())?;
        }
        let late = self.lateness().max().unwrap_or_default();
        let recovered = self.recovery().max().unwrap_or_default();
        write!(
            f,
            " {lookups:?}{}; last acceptance after {} (bound {:.1} s), recovered after {}",
            if *pooled { ", pooled" } else { "" },
            Millis(late),
            bound.as_secs_f64(),
            Millis(recovered)
        )
    }
}
