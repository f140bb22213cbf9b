use std::sync::Arc;
use std::time::{Duration, Instant};

use keyfob_test_cluster::{PostgresOptions, PostgresServer, ReplicaOptions};

use super::scenario::{Lookups, Scenario};
use crate::failure::Failure;
use crate::stage::{Stage, blocking};
use crate::trial::{Plan, Size, Store};

/// The servers that runs share, each with a database of its own there. A run that breaks a server
/// has one for itself.
pub(super) struct Servers {
    plan: Plan,
    shared: Option<Shared>,
}

struct Shared {
    primary: Arc<PostgresServer>,
    replica: Arc<PostgresServer>,
    /// Shows everything half a minute later. Nothing waits for it in a quick run.
    delayed: Option<Arc<PostgresServer>>,
}

/// How far the delayed replica is behind.
const DELAY: Duration = Duration::from_secs(30);

/// How long a replica may take to show what there is.
const PATIENCE: Duration = Duration::from_secs(90);

impl Servers {
    pub(super) async fn start(plan: &Plan) -> Result<Self, Failure> {
        let shared = match plan.store {
            Store::Sqlite => None,
            Store::Postgres => {
                let size = plan.size;
                Some(blocking(move || Shared::start(size)).await?)
            }
        };
        Ok(Self { plan: plan.clone(), shared })
    }

    /// An empty store for a run, and the replica that its victim may ask.
    pub(super) async fn stage(
        &self,
        scenario: &Scenario,
    ) -> Result<(Stage, Option<Arc<PostgresServer>>), Failure> {
        let program = self.plan.program.clone();
        let Some(Shared { primary, replica, delayed }) = &self.shared else {
            return Ok((Stage::sqlite(program)?, None));
        };
        if scenario.breaks_server() {
            let stage = blocking(move || {
                let server = PostgresServer::start(&PostgresOptions::new())?;
                Stage::postgres(program, Arc::new(server))
            });
            return Ok((stage.await?, None));
        }
        let primary = Arc::clone(primary);
        let stage = blocking(move || Stage::postgres(program, primary)).await?;
        let replica = match scenario.lookups {
            Lookups::Primary => None,
            Lookups::Replica => Some(replica),
            Lookups::DelayedReplica => delayed.as_ref(),
        };
        Ok((stage, replica.cloned()))
    }
}

impl Shared {
    fn start(size: Size) -> Result<Self, Failure> {
        let primary = PostgresServer::start(&PostgresOptions::new())?;
        let replica = Arc::new(primary.replica(&ReplicaOptions::new())?);
        let delayed = match size {
            Size::Quick => None,
            Size::Full => {
                let options = ReplicaOptions::new().with_apply_delay(DELAY);
                Some(Arc::new(primary.replica(&options)?))
            }
        };
        Ok(Self { primary: Arc::new(primary), replica, delayed })
    }
}

/// Waits until the replica shows all that the primary has now.
pub(super) fn shows_all_of(
    replica: &PostgresServer,
    primary: &PostgresServer,
) -> Result<(), Failure> {
    let end = primary.sql("postgres", "SELECT pg_current_wal_insert_lsn()")?;
    let reached = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
    let start = Instant::now();
    while replica.sql("postgres", &reached)? != "t" {
        if start.elapsed() > PATIENCE {
            return Err(Failure::Late("the replica shows the keys"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
