use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::account::Account;
use crate::poll::{self, PATIENCE};
use crate::{ClusterError, PostgresServer, program};

/// How a replica follows its primary.
#[derive(Clone, Debug, Default)]
#[must_use = "options start nothing by themselves"]
pub struct ReplicaOptions {
    apply_delay: Duration,
    synchronous: bool,
    upstream_port: Option<u16>,
}

impl ReplicaOptions {
    /// As fast as it can, and no commit waits for it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows what was committed only so much later (`recovery_min_apply_delay`), in milliseconds.
    pub fn with_apply_delay(mut self, delay: Duration) -> Self {
        self.apply_delay = delay;
        self
    }

    /// The primary answers a commit only when this replica has it on its disk, and waits for ever if
    /// that never comes: the replica is the primary's only synchronous standby.
    pub fn synchronous(mut self) -> Self {
        self.synchronous = true;
        self
    }

    /// Follows through something that listens on another port of the loopback, such as a
    /// [`Proxy`](crate::Proxy). The first copy is taken from the primary itself.
    pub fn with_upstream_port(mut self, port: u16) -> Self {
        self.upstream_port = Some(port);
        self
    }
}

/// Replication, from both of its ends.
impl PostgresServer {
    /// Starts a hot standby that follows this server by streaming replication, with the same
    /// options.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) if the copy could not be made or the replica not be started.
    pub fn replica(&self, options: &ReplicaOptions) -> Result<Self, ClusterError> {
        let name = format!("replica_{}", crate::port::free());
        let upstream = options.upstream_port.unwrap_or(self.port());
        let source = format!(
            "host=127.0.0.1 port={upstream} user=postgres application_name={name} sslmode=disable"
        );
        let settings = self
            .options()
            .clone()
            .with_setting("primary_conninfo", source)
            .with_setting("wal_retrieve_retry_interval", "100ms")
            .with_setting("recovery_min_apply_delay", options.apply_delay.as_millis().to_string());
        let replica = Self::start_from(&settings, |account, directory| {
            self.copy_to(account, directory).and_then(|()| follow(account, &directory.join("data")))
        })?;
        if options.synchronous {
            self.set("synchronous_standby_names", &name)?;
        }
        Ok(replica)
    }

    /// Waits until this replica shows all that the primary had committed when it was called.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ClusterError::TimedOut) after half a minute.
    pub fn catch_up_with(&self, primary: &Self) -> Result<(), ClusterError> {
        let end = primary.sql("postgres", "SELECT pg_current_wal_insert_lsn()")?;
        let reached = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
        let answer = poll::until(PATIENCE, || {
            Ok::<_, ClusterError>((self.sql("postgres", &reached)? == "t").then_some(()))
        })?;
        answer.ok_or_else(|| ClusterError::TimedOut {
            what: format!("the replica's way to {end}"),
            output: String::new(),
        })
    }

    /// Makes this replica a primary, and returns when it takes writes.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) if it is none, or does not become one within a minute.
    pub fn promote(&self) -> Result<(), ClusterError> {
        let promoted = self.sql("postgres", "SELECT pg_promote(true, 60)")?;
        if promoted == "t" {
            return Ok(());
        }
        Err(ClusterError::Failed { what: "the promotion".to_owned(), output: promoted })
    }

    fn copy_to(&self, account: Account, directory: &Path) -> Result<(), ClusterError> {
        let mut copy = program::command(program::postgres("pg_basebackup")?);
        copy.args(["-U", "postgres", "--checkpoint=fast", "--no-sync", "--no-manifest", "-h"])
            .arg(self.socket_directory())
            .args(["-p", &self.port().to_string(), "-D"])
            .arg(directory.join("data"));
        program::output(account.run(&mut copy)).map(drop)
    }
}

/// Makes a copy of a primary's files those of a standby.
fn follow(account: Account, data: &Path) -> Result<(), ClusterError> {
    let signal = data.join("standby.signal");
    // What the primary was told about its own standbys would have the replica wait for itself once
    // it is promoted.
    fs::write(data.join("postgresql.auto.conf"), "")
        .and_then(|()| fs::write(&signal, ""))
        .map_err(ClusterError::io("a replica can't be set up"))?;
    account.give(&signal)
}
