use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyfob_test_cluster::{Paused, PgBouncer, PgBouncerOptions, PostgresServer};

use super::scenario::{BYSTANDER, Scenario, VICTIM};
use super::servers::Servers;
use crate::failure::Failure;
use crate::network::Network;
use crate::node_process::NodeProcess;
use crate::protocol::Settings;
use crate::stage::{Ground, Primary, Stage, blocking};

/// Two nodes on one store, and what can break around them.
pub(super) struct Scene {
    nodes: Vec<NodeProcess>,
    /// That of the victim.
    network: Option<Network>,
    pooler: Mutex<Option<PgBouncer>>,
    paused: Mutex<Option<Paused>>,
    replica: Option<Arc<PostgresServer>>,
    /// Last: it is there for as long as the nodes are.
    stage: Stage,
}

impl Scene {
    pub(super) async fn set(scenario: &Scenario, servers: &Servers) -> Result<Self, Failure> {
        let (stage, replica) = servers.stage(scenario).await?;
        let pooler = match stage.ground() {
            Ground::Postgres(primary) if scenario.pooled => {
                Some(start_pooler(&primary.server).await?)
            }
            _ => None,
        };
        let network = match stage.ground() {
            Ground::Postgres(primary) => {
                let pooler = pooler.as_ref().map(PgBouncer::port);
                Some(Network::start(primary, pooler, replica.as_deref())?)
            }
            Ground::Sqlite(_) => None,
        };
        let settings = |name: &str| Settings {
            staleness_bound: scenario.bound,
            lookup_timeout: scenario.lookup_timeout,
            ..stage.settings(name)
        };
        let mut victim = settings("victim");
        if let (Some(network), Ground::Postgres(primary)) = (&network, stage.ground()) {
            victim.store = network.place(primary);
        }
        let nodes = stage.nodes(&[victim, settings("bystander")]).await?;
        let (pooler, paused) = (Mutex::new(pooler), Mutex::default());
        Ok(Self { nodes, network, pooler, paused, replica, stage })
    }

    pub(super) fn nodes(&self) -> &[NodeProcess] {
        &self.nodes
    }

    pub(super) fn victim(&self) -> &NodeProcess {
        &self.nodes[VICTIM]
    }

    pub(super) fn bystander(&self) -> &NodeProcess {
        &self.nodes[BYSTANDER]
    }

    pub(super) const fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// Waits until the replica shows what there is now: before, it knows none of the keys.
    pub(super) async fn replica_follows(&self) -> Result<(), Failure> {
        let (Some(replica), Ground::Postgres(primary)) = (&self.replica, self.stage.ground())
        else {
            return Ok(());
        };
        let (replica, primary) = (Arc::clone(replica), Arc::clone(&primary.server));
        blocking(move || super::servers::shows_all_of(&replica, &primary)).await
    }

    pub(super) async fn kill_server(&self) -> Result<(), Failure> {
        self.with_server(PostgresServer::kill).await
    }

    pub(super) async fn restart_server(&self) -> Result<(), Failure> {
        self.with_server(PostgresServer::restart).await
    }

    pub(super) async fn end_sessions(&self) -> Result<(), Failure> {
        self.with_server(|server| server.terminate_connections().map(drop)).await
    }

    pub(super) async fn pause_server(&self) -> Result<(), Failure> {
        if let Some(Primary { server, .. }) = self.primary() {
            let server = Arc::clone(server);
            let paused = blocking(move || Ok(server.pause())).await?;
            *lock(&self.paused) = Some(paused);
        }
        Ok(())
    }

    pub(super) fn resume_server(&self) {
        drop(lock(&self.paused).take());
    }

    pub(super) fn kill_pooler(&self) {
        drop(lock(&self.pooler).take());
    }

    /// Another one, to which the victim's way leads from then on.
    pub(super) async fn start_pooler(&self) -> Result<(), Failure> {
        if let (Some(Primary { server, .. }), Some(network)) = (self.primary(), &self.network) {
            let pooler = start_pooler(server).await?;
            network.store.retarget(pooler.port());
            *lock(&self.pooler) = Some(pooler);
        }
        Ok(())
    }

    async fn with_server(
        &self,
        work: impl FnOnce(&PostgresServer) -> Result<(), keyfob_test_cluster::ClusterError>
        + Send
        + 'static,
    ) -> Result<(), Failure> {
        let Some(Primary { server, .. }) = self.primary() else { return Ok(()) };
        let server = Arc::clone(server);
        blocking(move || Ok(work(&server)?)).await
    }

    const fn primary(&self) -> Option<&Primary> {
        match self.stage.ground() {
            Ground::Postgres(primary) => Some(primary),
            Ground::Sqlite(_) => None,
        }
    }
}

/// PgBouncer does not try for 15 seconds to reach a server that it could not reach once, unless it is
/// told otherwise: nobody behind it recovers sooner.
async fn start_pooler(server: &Arc<PostgresServer>) -> Result<PgBouncer, Failure> {
    let server = Arc::clone(server);
    let options = PgBouncerOptions::new().with_setting("server_login_retry", "1");
    blocking(move || Ok(PgBouncer::start(&server, &options)?)).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
