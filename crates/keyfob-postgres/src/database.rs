use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
};
use keyfob_store::StoreError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Row};

use crate::postgres_error::Refused;
use crate::tls::Tls;
use crate::{OpenError, PostgresError};

/// A value of a statement, and what it is to the server. The type is told with each, so that no round trip
/// is spent on asking for it.
pub(crate) type Value<'v> = (&'v (dyn ToSql + Sync), Type);

/// A server, or several behind one URL, and the connections to it.
#[derive(Clone)]
pub(crate) struct Database {
    config: Config,
    tls: Tls,
    pool: Pool,
    timeout: Duration,
}

impl Database {
    /// Prepares to connect; it does not yet.
    pub(crate) fn new(
        config: Config,
        tls: Tls,
        connections: usize,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
        let manager = Manager::from_connect(
            config.clone(),
            Quietly(tls.clone()),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager).max_size(connections).build().map_err(|error| {
            OpenError::Unsupported { what: format!("there is no pool of connections: {error}") }
        })?;
        Ok(Self { config, tls, pool, timeout })
    }

    /// How long an operation may take.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// A connection for one caller at a time.
    pub(crate) async fn lend(&self, deadline: Instant) -> Result<Lent, PostgresError> {
        match timeout_at(deadline, self.pool.get()).await {
            Ok(Ok(object)) => Ok(Lent { object: Some(object), deadline }),
            Ok(Err(PoolError::Backend(error))) => Err(error.into()),
            Ok(Err(error)) => Err(PostgresError::connection(error.to_string())),
            Err(_) => Err(PostgresError::connection(Refused::Deadline.to_string())),
        }
    }

    /// A connection that is the caller's own.
    pub(crate) async fn connect(&self, deadline: Instant) -> Result<ClientWrapper, PostgresError> {
        match timeout_at(deadline, connect(&self.config, self.tls.clone())).await {
            Ok(connected) => {
                let (client, task) = connected?;
                Ok(ClientWrapper::new(client, task))
            }
            Err(_) => Err(PostgresError::connection(Refused::Deadline.to_string())),
        }
    }

    /// One statement that reads. When the connection breaks under it, another is tried, once: it may
    /// have been the last of a server that has gone since.
    pub(crate) async fn read(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let deadline = self.deadline();
        let mut lent = self.lend(deadline).await.map_err(PostgresError::into_store_error)?;
        match lent.query(sql, values).await {
            Err(error) if error.ends_connection() && Instant::now() < deadline => {
                let mut lent =
                    self.lend(deadline).await.map_err(PostgresError::into_store_error)?;
                lent.query(sql, values).await
            }
            answer => answer,
        }
        .map_err(PostgresError::into_store_error)
    }

    #[cfg(feature = "deadpool_postgres_0_14")]
    pub(crate) fn into_pool(self) -> Pool {
        self.pool
    }

    /// Gives up every connection that nobody uses, and lends out none any more.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// A connection of the pool, until it is dropped. One that failed, or that did not answer in time, does not
/// go back.
pub(crate) struct Lent {
    object: Option<Object>,
    deadline: Instant,
}

impl Lent {
    /// One statement, in one round trip, which leaves nothing behind in the session.
    pub(crate) async fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, PostgresError> {
        let client = self.client()?;
        let answer = within(self.deadline, client.query_typed(sql, values)).await;
        self.judge(answer)
    }

    /// The same for a statement that answers no rows: how many it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<u64, PostgresError> {
        let client = self.client()?;
        let answer = within(self.deadline, client.execute_typed(sql, values)).await;
        self.judge(answer)
    }

    /// Statements without values.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), PostgresError> {
        let client = self.client()?;
        let answer = within(self.deadline, client.batch_execute(sql)).await;
        self.judge(answer)
    }

    /// The connection itself, for statements that are sent one behind the other.
    pub(crate) fn client(&self) -> Result<&Client, PostgresError> {
        self.object
            .as_ref()
            .map(|object| &***object)
            .ok_or_else(|| PostgresError::connection("the connection was given up"))
    }

    /// Keeps the connection from going back. The server ends its transaction.
    pub(crate) fn give_up(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }

    fn judge<T>(&mut self, answer: Result<T, PostgresError>) -> Result<T, PostgresError> {
        if answer.as_ref().is_err_and(PostgresError::ends_connection) {
            self.give_up();
        }
        answer
    }
}

/// An answer in time, or the error that there was none.
pub(crate) async fn within<T>(
    deadline: Instant,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, PostgresError> {
    match timeout_at(deadline, answer).await {
        Ok(answer) => answer.map_err(PostgresError::from),
        Err(_) => Err(PostgresError::connection(Refused::Deadline.to_string())),
    }
}

/// Reads a URL, and sets what it leaves open so that a peer that is gone is noticed within seconds.
pub(crate) fn config(
    url: &str,
    which: &'static str,
    tls_required: bool,
    timeout: Duration,
) -> Result<Config, OpenError> {
    // Of what the parser says, only this names nothing but the option: the rest may quote a password.
    let invalid = |error: tokio_postgres::Error| OpenError::InvalidUrl {
        which,
        why: std::error::Error::source(&error)
            .map(ToString::to_string)
            .filter(|why| why.starts_with("invalid value for option"))
            .unwrap_or_else(|| "it is not of the form postgres://user@host:port/database".into()),
    };
    let mut config: Config = url.parse().map_err(invalid)?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(OpenError::InvalidUrl { which, why: "it names no host".into() });
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(timeout);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(timeout);
    }
    if !url.contains("keepalives_idle") {
        config.keepalives_idle(Duration::from_secs(2));
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(Duration::from_secs(1));
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(3);
    }
    if config.get_application_name().is_none() {
        config.application_name("keyfob");
    }
    let over_tcp = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
    if !over_tcp {
        config.ssl_mode(SslMode::Disable);
    } else if tls_required && config.get_ssl_mode() == SslMode::Prefer {
        config.ssl_mode(SslMode::Require);
    }
    Ok(config)
}

struct Quietly(Tls);

impl Connect for Quietly {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let (tls, config) = (self.0.clone(), config.clone());
        Box::pin(async move { connect(&config, tls).await })
    }
}

type Connected = (Client, JoinHandle<()>);
type Connecting<'c> =
    Pin<Box<dyn Future<Output = Result<Connected, tokio_postgres::Error>> + Send + 'c>>;

/// Connects, and leaves the news of the connection's end to those who wait for an answer.
async fn connect(config: &Config, tls: Tls) -> Result<Connected, tokio_postgres::Error> {
    let (client, connection) = config.connect(tls).await?;
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok((client, task))
}
