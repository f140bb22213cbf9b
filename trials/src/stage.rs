use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyfob_test_cluster::{Database, PostgresOptions, PostgresServer};
use tempfile::TempDir;

use crate::failure::Failure;
use crate::node_process::NodeProcess;
use crate::protocol::{Place, Settings};
use crate::trial::{Plan, Size, Store};

/// Where nodes of a trial play: the program that they run, and an empty store. It is gone when
/// dropped.
pub(crate) struct Stage {
    program: PathBuf,
    ground: Ground,
}

/// What the store is on.
pub(crate) enum Ground {
    /// A file in a directory of its own.
    Sqlite(TempDir),
    /// A database of its own.
    Postgres(Primary),
}

/// A database, and the server that has it.
#[derive(Clone)]
pub(crate) struct Primary {
    pub(crate) server: Arc<PostgresServer>,
    pub(crate) database: Database,
}

impl Stage {
    /// As the plan says. Figures are measured on a server that syncs each commit to the disk, as
    /// SQLite does; promises hold on one that does not.
    pub(crate) fn start(plan: &Plan) -> Result<Self, Failure> {
        match plan.store {
            Store::Sqlite => Self::sqlite(plan.program.clone()),
            Store::Postgres => {
                let options = match plan.size {
                    Size::Quick => PostgresOptions::new(),
                    Size::Full => PostgresOptions::new().durable(),
                };
                let server = Arc::new(PostgresServer::start(&options)?);
                Self::postgres(plan.program.clone(), server)
            }
        }
    }

    /// A new file.
    pub(crate) fn sqlite(program: PathBuf) -> Result<Self, Failure> {
        let directory = tempfile::tempdir().map_err(Failure::io("making a directory"))?;
        Ok(Self { program, ground: Ground::Sqlite(directory) })
    }

    /// A new database on this server.
    pub(crate) fn postgres(program: PathBuf, server: Arc<PostgresServer>) -> Result<Self, Failure> {
        let database = server.create_database()?;
        Ok(Self { program, ground: Ground::Postgres(Primary { server, database }) })
    }

    pub(crate) const fn ground(&self) -> &Ground {
        &self.ground
    }

    /// The shortest way to the store.
    pub(crate) fn place(&self) -> Place {
        match &self.ground {
            Ground::Sqlite(directory) => Place::Sqlite(directory.path().join("keys.db")),
            Ground::Postgres(Primary { database, .. }) => Place::Postgres {
                url: database.url(),
                notifications: database.url(),
                replica: None,
            },
        }
    }

    /// The database as another server has it.
    pub(crate) fn place_on(&self, port: u16) -> Place {
        self.by_url(|database| database.url_through(port))
    }

    /// On whichever of two servers takes writes.
    pub(crate) fn place_on_either(&self, [one, other]: [u16; 2]) -> Place {
        self.by_url(|database| {
            let name = database.name();
            format!(
                "postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/{name}\
                 ?target_session_attrs=read-write"
            )
        })
    }

    fn by_url(&self, url: impl Fn(&Database) -> String) -> Place {
        match &self.ground {
            Ground::Sqlite(_) => self.place(),
            Ground::Postgres(Primary { database, .. }) => {
                Place::Postgres { url: url(database), notifications: url(database), replica: None }
            }
        }
    }

    /// What a node is told, unless a trial changes it.
    pub(crate) fn settings(&self, name: impl Into<String>) -> Settings {
        Settings {
            name: name.into(),
            store: self.place(),
            staleness_bound: Duration::from_secs(5),
            lookup_timeout: Duration::from_secs(2),
            usage_interval: Duration::from_secs(1),
            watch_pause: Duration::from_millis(2),
        }
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Starts nodes with these settings, and waits until they trust their caches.
    pub(crate) async fn nodes(&self, settings: &[Settings]) -> Result<Vec<NodeProcess>, Failure> {
        let mut nodes = Vec::with_capacity(settings.len());
        for settings in settings {
            nodes.push(NodeProcess::start(&self.program, settings).await?);
        }
        for node in &nodes {
            node.trusts_its_cache().await?;
        }
        Ok(nodes)
    }
}

/// Does what blocks, without holding up what else is going on.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
