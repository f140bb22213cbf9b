use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::SchemaName;

/// How to open a store.
///
/// ```
/// use std::time::Duration;
/// use keyfob_postgres::{PostgresOptions, SchemaName};
///
/// # fn main() -> Result<(), keyfob_postgres::InvalidSchemaName> {
/// let options = PostgresOptions::new("postgres://app@pooler.internal:6432/app")
///     .with_schema(SchemaName::new("auth")?)
///     .with_notification_url("postgres://app@db1.internal,db2.internal/app?target_session_attrs=read-write")
///     .with_timeout(Duration::from_secs(3));
/// # let _ = options;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "options open nothing by themselves"]
pub struct PostgresOptions {
    pub(crate) url: String,
    pub(crate) replicas: Vec<String>,
    pub(crate) notification: Notification,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) schema: SchemaName,
    pub(crate) migrations: bool,
    pub(crate) connections: NonZeroUsize,
    pub(crate) lookup_connections: NonZeroUsize,
    pub(crate) prepared_lookups: bool,
    pub(crate) timeout: Duration,
    pub(crate) import_timeout: Duration,
    pub(crate) idle_in_transaction_timeout: Duration,
    pub(crate) feed_retention: Duration,
    pub(crate) replica_freshness: Duration,
}

/// Where commits are told and heard.
#[derive(Clone)]
pub(crate) enum Notification {
    /// By the store's own URL.
    SameUrl,
    /// By another, which no pooler lies behind.
    Url(String),
    /// Nowhere: followers poll.
    Off,
}

impl PostgresOptions {
    /// The defaults: the schema `keyfob`, created and migrated as needed; 4 connections and 2 for
    /// lookups; 5 seconds for each operation, 60 for an import; notifications by the same URL.
    ///
    /// The URL is as libpq reads it, several hosts, `target_session_attrs=read-write` and Unix sockets
    /// (`postgres:///app?host=/run/postgresql`) included. But `sslmode` has three values over TCP:
    ///
    /// | `sslmode` | |
    /// |---|---|
    /// | `require` | encrypted, or there is no connection |
    /// | `prefer`, which is the default | encrypted if the server offers that. Who can change what is sent can make it look as if it did not |
    /// | `disable` | in the clear |
    ///
    /// Where it is encrypted, the server's certificate is verified, and must name the host, as by libpq's
    /// `verify-full`: nothing turns that off. Trusted are the authorities that the system trusts, or
    /// those of [`with_root_certificates`](Self::with_root_certificates). There are no client certificates,
    /// and no `channel_binding=require`.
    ///
    /// Without the crate's feature `tls`, which is on by default, nothing is encrypted, and
    /// whatever requires it is an error.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            replicas: Vec::new(),
            notification: Notification::SameUrl,
            root_certificates: Vec::new(),
            schema: SchemaName::default(),
            migrations: true,
            connections: NonZeroUsize::MIN.saturating_add(3),
            lookup_connections: NonZeroUsize::MIN.saturating_add(1),
            prepared_lookups: false,
            timeout: Duration::from_secs(5),
            import_timeout: Duration::from_secs(60),
            idle_in_transaction_timeout: Duration::from_secs(2),
            feed_retention: Duration::from_secs(24 * 3_600),
            replica_freshness: Duration::from_secs(1),
        }
    }

    /// The schema that the tables are in.
    pub fn with_schema(mut self, schema: SchemaName) -> Self {
        self.schema = schema;
        self
    }

    /// Whether opening migrates the schema. With `false`, a schema that is not of this release is
    /// an error, and whoever deploys runs [`Migration`](crate::Migration)s before.
    pub const fn with_migrations(mut self, migrations: bool) -> Self {
        self.migrations = migrations;
        self
    }

    /// A streaming replica that may answer lookups, and nothing else. Call it once for each.
    ///
    /// An answer of a replica that is behind what this store has seen is not used; the primary is
    /// asked instead.
    pub fn with_replica(mut self, url: impl Into<String>) -> Self {
        self.replicas.push(url.into());
        self
    }

    /// For how long after a successful read of the change feed replicas may answer lookups: 1 second
    /// unless set, which must be well below the staleness bound of the service.
    ///
    /// A node that can't read the feed lets its cache's lease run out and asks about each key. A
    /// replica that is cut off from the primary as well would answer then, and honour what was
    /// revoked long ago.
    pub const fn with_replica_freshness(mut self, freshness: Duration) -> Self {
        self.replica_freshness = freshness;
        self
    }

    /// Where to listen for commits of other nodes, if the main URL leads to a pooler: to listen needs a
    /// connection of its own, straight to the primary.
    pub fn with_notification_url(mut self, url: impl Into<String>) -> Self {
        self.notification = Notification::Url(url.into());
        self
    }

    /// Neither tells of commits nor listens for them. Followers then learn of changes when they poll.
    pub fn without_notifications(mut self) -> Self {
        self.notification = Notification::Off;
        self
    }

    /// Certificates, in PEM, of the authorities to trust, in place of the system's. With them, a
    /// connection over TCP, to replicas too, is encrypted or there is none, whatever `sslmode` says.
    pub fn with_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// How many connections there are at most for everything but lookups.
    pub const fn with_connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
        self
    }

    /// How many connections lookups share, of the primary and of each replica: 2 unless set, which is
    /// how many batches of lookups a service has under way at once.
    pub const fn with_lookup_connections(mut self, connections: NonZeroUsize) -> Self {
        self.lookup_connections = connections;
        self
    }

    /// Whether lookups and reads of the feed are prepared, which saves the server from reading the statement
    /// each time, and sent one behind the other on a connection. Only where no pooler in transaction mode lies
    /// between: such a pooler changes the session under the client, where the statement is not prepared,
    /// and may take an answer that is still to come for another client's.
    pub const fn with_prepared_lookups(mut self, prepared: bool) -> Self {
        self.prepared_lookups = prepared;
        self
    }

    /// How long an operation may take, until the answer is
    /// [`Unavailable`](keyfob_store::StoreError::Unavailable) and its connection is given up. The server is
    /// told the same, for each statement of a write and for the lock that it needs. A timeout beyond a
    /// day counts as a day, here and below.
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = at_most_a_day(timeout);
        self
    }

    /// The same for imports, for batches of usage, and for pruning that.
    pub const fn with_import_timeout(mut self, timeout: Duration) -> Self {
        self.import_timeout = at_most_a_day(timeout);
        self
    }

    /// How long a write may hold its lock while the server hears nothing from it: a node that is
    /// stopped amid a write holds up the others for so long.
    pub const fn with_idle_in_transaction_timeout(mut self, timeout: Duration) -> Self {
        self.idle_in_transaction_timeout = at_most_a_day(timeout);
        self
    }

    /// How long the change feed keeps its entries, by the clock of the database: 24 hours unless set.
    /// A follower that was away for longer starts anew. The log is kept for ever.
    pub const fn with_feed_retention(mut self, retention: Duration) -> Self {
        self.feed_retention = retention;
        self
    }
}

/// A longer timeout counts as a day: deadlines are computed from it, and must not overflow.
const fn at_most_a_day(timeout: Duration) -> Duration {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    if timeout.as_secs() < DAY.as_secs() { timeout } else { DAY }
}

/// Without the URLs: they may hold passwords.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("replicas", &self.replicas.len())
            .field("migrations", &self.migrations)
            .field("connections", &self.connections)
            .field("lookup_connections", &self.lookup_connections)
            .field("prepared_lookups", &self.prepared_lookups)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_url() {
        let options = PostgresOptions::new("postgres://app:canary@db/app")
            .with_replica("postgres://app:canary@replica/app")
            .with_notification_url("postgres://app:canary@direct/app");
        assert!(!format!("{options:?}").contains("canary"));
    }
}
