//! A primary dies while nodes revoke, and its synchronous standby takes its place: every revocation
//! that was acknowledged is there, and nodes find the new primary by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyfob_test_cluster::{PostgresOptions, PostgresServer, ReplicaOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use crate::all::all;
use crate::distribution::{Distribution, Millis};
use crate::failure::Failure;
use crate::findings::Findings;
use crate::monotonic::Monotonic;
use crate::node_process::NodeProcess;
use crate::protocol::{Answer, KeyName, Settings, Sight, WatchedKey};
use crate::stage::{Stage, blocking};
use crate::trial::{Plan, Size, Store};

const NODES: usize = 3;

/// Revocations that each node has under way.
const AT_ONCE: usize = 4;

/// For each of those. They are not used up before a failover is over.
const KEYS: usize = 100;

/// How many acknowledgements from the new primary show that a node has found it.
const ENOUGH: usize = 3;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// Between two revocations of a client.
const PACE: Duration = Duration::from_millis(25);

/// Within this a node serves again, once there is a primary.
const RECOVERY: Duration = Duration::from_secs(2);

pub(crate) async fn run(plan: &Plan) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    if plan.store == Store::Sqlite {
        println!("  a file has no standby");
        return Ok(findings);
    }
    let failovers = match plan.size {
        Size::Quick => 1,
        Size::Full => 20,
    };
    let mut random = StdRng::seed_from_u64(plan.seed);
    let (mut acknowledged, mut recovered) = (0, Vec::new());
    for number in 0..failovers {
        let failover = Failover::set(plan).await?;
        let outcome =
            failover.happen(Duration::from_millis(random.random_range(200..1_500))).await?;
        println!("  failover {number}: {outcome}");
        outcome.check(&mut findings);
        acknowledged += outcome.revoked.len();
        recovered.extend(outcome.recovered);
    }
    findings.figure("revocations acknowledged", acknowledged);
    let recovered = Distribution::of(recovered);
    findings.goal(
        "first acknowledgement of a node, after the standby was promoted",
        format_args!("{recovered} nodes"),
        &format!("{} at most", Millis(RECOVERY)),
        recovered.most() <= RECOVERY,
    );
    Ok(findings)
}

/// Two servers and three nodes that know both.
struct Failover {
    nodes: Vec<NodeProcess>,
    keys: Vec<WatchedKey>,
    primary: Arc<PostgresServer>,
    standby: Arc<PostgresServer>,
    stage: Stage,
}

/// When a revocation was acknowledged, and by which node.
type Acknowledged = BTreeMap<KeyName, (usize, Monotonic)>;

struct Outcome {
    revoked: Acknowledged,
    /// How long after the promotion each node had its first acknowledgement.
    recovered: Vec<Duration>,
    /// What a node that knows nothing but the new primary says.
    after: Vec<(KeyName, Sight)>,
}

impl Failover {
    async fn set(plan: &Plan) -> Result<Self, Failure> {
        let (primary, standby) = blocking(|| {
            let primary = PostgresServer::start(&PostgresOptions::new())?;
            let standby = primary.replica(&ReplicaOptions::new().synchronous())?;
            Ok((Arc::new(primary), Arc::new(standby)))
        })
        .await?;
        let (program, server) = (plan.program.clone(), Arc::clone(&primary));
        let stage = blocking(move || Stage::postgres(program, server)).await?;
        let ports = [primary.port(), standby.port()];
        let settings: Vec<_> = (0..NODES)
            .map(|number| Settings {
                store: stage.place_on_either(ports),
                ..stage.settings(format!("node-{number}"))
            })
            .collect();
        let nodes = stage.nodes(&settings).await?;
        let keys = nodes[0].create("failover", NODES * AT_ONCE * KEYS).await?;
        Ok(Self { nodes, keys, primary, standby, stage })
    }

    /// Kills the primary after so long, and promotes its standby.
    async fn happen(self, after: Duration) -> Result<Outcome, Failure> {
        let over = watch::Sender::new(false);
        let clients = self.keys.chunks(KEYS).enumerate().map(|(client, keys)| {
            let at = client % NODES;
            revoke_on_and_on(at, &self.nodes[at], keys, over.subscribe())
        });
        let promoted = async {
            tokio::time::sleep(after).await;
            let (primary, standby) = (Arc::clone(&self.primary), Arc::clone(&self.standby));
            blocking(move || {
                primary.kill()?;
                Ok(standby.promote()?)
            })
            .await?;
            let promoted = Monotonic::now();
            self.serves_again().await?;
            over.send_replace(true);
            Ok(promoted)
        };
        let (revoked, promoted) = tokio::try_join!(all(clients.collect()), promoted)?;
        let revoked: Acknowledged = revoked.into_iter().flatten().collect();
        let recovered = (0..NODES).map(|node| {
            let own = revoked.values().filter(|(by, at)| *by == node && *at > promoted);
            own.map(|(_, at)| at.since(promoted)).min().unwrap_or(Duration::MAX)
        });
        let recovered = recovered.collect();
        let after = self.ask_the_new_primary().await?;
        Ok(Outcome { revoked, recovered, after })
    }

    /// Each node acknowledges again: keys are made through it, since those are not watched.
    async fn serves_again(&self) -> Result<(), Failure> {
        for node in &self.nodes {
            let deadline = Monotonic::now().plus(PATIENCE);
            let mut enough = 0;
            while enough < ENOUGH {
                match node.create("afterwards", 1).await {
                    Ok(_) => enough += 1,
                    Err(failure) if failure.is_transient() && !deadline.remaining().is_zero() => {}
                    Err(failure) => return Err(failure),
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        // For revocations that were waiting to be sent again.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    async fn ask_the_new_primary(&self) -> Result<Vec<(KeyName, Sight)>, Failure> {
        let store = self.stage.place_on(self.standby.port());
        let settings = Settings { store, ..self.stage.settings("afterwards") };
        let node = NodeProcess::start(self.stage.program(), &settings).await?;
        node.watch(self.keys.clone()).await?;
        let names: Vec<_> = self.keys.iter().map(|key| key.name.clone()).collect();
        let deadline = Monotonic::now().plus(PATIENCE);
        let told = |sight: &Sight| {
            sight.segments().last().is_some_and(|last| last.answer != Answer::Unavailable)
        };
        while !node.see(names.clone()).await?.iter().all(told) {
            if deadline.remaining().is_zero() {
                return Err(Failure::Late("the new primary answers"));
            }
            tokio::time::sleep(LOOK).await;
        }
        let sights = node.unwatch(names.clone()).await?;
        Ok(names.into_iter().zip(sights).collect())
    }
}

/// One key after the other, each until it is acknowledged.
async fn revoke_on_and_on(
    at: usize,
    node: &NodeProcess,
    keys: &[WatchedKey],
    over: watch::Receiver<bool>,
) -> Result<Vec<(KeyName, (usize, Monotonic))>, Failure> {
    let mut acknowledged = Vec::new();
    for key in keys {
        while !*over.borrow() {
            match node.revoke(&key.name).await {
                Ok(revoked) => {
                    acknowledged.push((key.name.clone(), (at, revoked.returned)));
                    break;
                }
                Err(failure) if failure.is_transient() => tokio::time::sleep(LOOK).await,
                Err(failure) => return Err(failure),
            }
        }
        tokio::time::sleep(PACE).await;
    }
    Ok(acknowledged)
}

impl Outcome {
    fn check(&self, findings: &mut Findings) {
        for (key, sight) in &self.after {
            let last = sight.segments().last().map(|segment| &segment.answer);
            if self.revoked.contains_key(key) {
                let survived = last.is_some_and(Answer::is_refusal);
                findings.promise(survived, || {
                    format!("an acknowledged revocation survives the failover: {last:?}")
                });
            } else {
                // It may have been revoked without an acknowledgement; it is not lost.
                let known = !matches!(last, Some(Answer::Refused(why)) if why != "revoked");
                findings.promise(known, || format!("no key is lost by a failover: {last:?}"));
            }
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slowest = self.recovered.iter().max().copied().unwrap_or_default();
        write!(
            f,
            "{} revocations acknowledged, the last node went on after {}",
            self.revoked.len(),
            Millis(slowest)
        )
    }
}
