use std::sync::Arc;

use tokio_postgres::Config;

use crate::database::{self, Database};
use crate::horizon::Horizon;
use crate::lanes::Lanes;
use crate::listener::Listener;
use crate::lookups::Lookups;
use crate::node_writes::NodeWrites;
use crate::options::Notification;
use crate::reads::Reads;
use crate::reads::feed::Feed;
use crate::reads::lookup::Lookup;
use crate::tls::Tls;
use crate::usage_writes::UsageWrites;
use crate::writes::{Writer, Writes};
use crate::{OpenError, PostgresOptions, schema};

/// What a store is made of.
pub(crate) struct Parts {
    pub(crate) primary: Database,
    pub(crate) horizon: Arc<Horizon>,
    pub(crate) lookups: Lookups,
    pub(crate) feed: Feed,
    pub(crate) reads: Reads,
    pub(crate) writes: Writes,
    pub(crate) usage_writes: UsageWrites,
    pub(crate) node_writes: NodeWrites,
    listener: Option<Listener>,
}

impl Parts {
    /// Connects, sees to the schema, and starts the tasks.
    pub(crate) async fn open(options: &PostgresOptions) -> Result<Self, OpenError> {
        let tls = Tls::new(&options.root_certificates)?;
        let tls_required = !options.root_certificates.is_empty();
        let config = |url: &str, which| database::config(url, which, tls_required, options.timeout);
        let database = |config: Config, connections| {
            Database::new(config, tls.clone(), connections, options.timeout)
        };
        let lanes = |database| {
            Lanes::new(database, options.lookup_connections.get(), options.prepared_lookups)
        };
        let schema = &options.schema;

        let url = config(&options.url, "the URL")?;
        let listens = match &options.notification {
            Notification::SameUrl => Some(url.clone()),
            Notification::Url(url) => Some(config(url, "the URL of notifications")?),
            Notification::Off => None,
        };
        let primary = database(url, options.connections.get())?;
        let mut replicas = Vec::with_capacity(options.replicas.len());
        for url in &options.replicas {
            let replica = database(config(url, "the URL of a replica")?, 1)?;
            replicas.push(Lookup::new(schema, lanes(replica)));
        }
        schema::prepare(&primary, options).await?;

        let horizon = Arc::new(Horizon::new());
        let writer = Writer::new(options, listens.is_some(), primary.clone(), horizon.clone());
        let lookups = Lookups::new(
            Lookup::new(schema, lanes(primary.clone())),
            replicas,
            options.replica_freshness,
            options.timeout,
            horizon.clone(),
        );
        Ok(Self {
            lookups,
            feed: Feed::new(schema),
            reads: Reads::new(schema),
            writes: Writes::start(writer, options.timeout, options.import_timeout),
            usage_writes: UsageWrites::new(schema),
            node_writes: NodeWrites::new(schema),
            listener: listens
                .map(|config| Listener::start(config, tls.clone(), schema, horizon.clone())),
            primary,
            horizon,
        })
    }

    pub(crate) async fn close(&self) {
        self.writes.close().await;
        self.listener.as_ref().inspect(|listener| listener.stop());
        self.horizon.close();
        self.lookups.close();
        self.primary.close();
    }
}
