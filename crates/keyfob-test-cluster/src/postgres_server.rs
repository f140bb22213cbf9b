use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::Pid;

use crate::account::Account;
use crate::guard::Guard;
use crate::{ClusterError, Database, PostgresOptions, port, process_tree, program, template};

/// A PostgreSQL server of one's own, on a port of the loopback and a Unix socket, with its files in
/// a temporary directory. Dropping it stops it and removes them, and so does the end of the process
/// that started it.
///
/// The superuser is `postgres`, and everybody is trusted without a password.
///
/// Methods block, so that tests without an async runtime can use them too.
#[derive(Debug)]
pub struct PostgresServer {
    directory: PathBuf,
    port: u16,
    options: PostgresOptions,
    guard: Mutex<Guard>,
    databases: AtomicU64,
}

impl PostgresServer {
    /// The server that all tests of this program share, which starts with the first of them. A
    /// test that harms its server must have one of its own.
    ///
    /// # Errors
    ///
    /// The error of the start that failed.
    pub fn shared() -> Result<&'static Self, &'static ClusterError> {
        static SHARED: OnceLock<Result<PostgresServer, ClusterError>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&PostgresOptions::new())).as_ref()
    }

    /// Starts a server, and returns when it answers.
    ///
    /// # Errors
    ///
    /// [`MissingProgram`](ClusterError::MissingProgram) without PostgreSQL;
    /// [`Failed`](ClusterError::Failed) with the end of its log if it does not start.
    pub fn start(options: &PostgresOptions) -> Result<Self, ClusterError> {
        Self::start_from(options, template::unpack)
    }

    /// Starts a server of the `data` that `fill` puts into its directory.
    pub(crate) fn start_from(
        options: &PostgresOptions,
        fill: impl Fn(Account, &Path) -> Result<(), ClusterError>,
    ) -> Result<Self, ClusterError> {
        const ATTEMPTS: usize = 5;
        let mut attempt = 1;
        loop {
            match Self::start_on(port::free(), options, &fill) {
                // Somebody else has come to listen there meanwhile.
                Err(ClusterError::Failed { output, .. })
                    if output.contains("in use") && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    fn start_on(
        port: u16,
        options: &PostgresOptions,
        fill: impl Fn(Account, &Path) -> Result<(), ClusterError>,
    ) -> Result<Self, ClusterError> {
        let account = Account::for_servers()?;
        let program = program::postgres("postgres")?;
        let guard = Guard::new(account, "QUIT", |directory| {
            let mut command = program::command(program);
            command
                .arg("-D")
                .arg(directory.join("data"))
                .args(["-h", "127.0.0.1", "-p", &port.to_string()])
                .arg("-k")
                .arg(directory)
                .args(options.arguments());
            command
        })?;
        fill(account, guard.directory())?;
        options.write_certificate(account, &guard.directory().join("data"))?;
        let server = Self {
            directory: guard.directory().to_owned(),
            port,
            options: options.clone(),
            guard: Mutex::new(guard),
            databases: AtomicU64::default(),
        };
        server.launch()?;
        Ok(server)
    }

    /// Makes an empty database with a name of its own.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) if the server is down, or says no.
    pub fn create_database(&self) -> Result<Database, ClusterError> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        // Nobody can be connected to this template, which would forbid to copy it.
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        Ok(self.database(&name))
    }

    /// The ways to a database that there is, such as `postgres`.
    #[must_use]
    pub fn database(&self, name: &str) -> Database {
        Database::new(name.to_owned(), self.port, &self.directory)
    }

    /// Runs SQL as the superuser, over the socket, and gives what it answers: a line for each row,
    /// with `|` between the columns.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) with what the server said.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, ClusterError> {
        let mut psql = self.client("psql")?;
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        let output = program::output(&mut psql)?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
    }

    /// A program of the server's own package that is its client, such as `pgbench`, told to connect as the
    /// superuser, over the socket.
    ///
    /// # Errors
    ///
    /// [`MissingProgram`](ClusterError::MissingProgram) if the package has none.
    pub fn client(&self, program: &'static str) -> Result<Command, ClusterError> {
        let mut client = program::command(program::postgres(program)?);
        client.args(["-U", "postgres", "-p", &self.port.to_string(), "-h"]).arg(&self.directory);
        Ok(client)
    }

    /// Changes a parameter that needs no restart, for all sessions, as `ALTER SYSTEM` does. One that
    /// the server's options set stays as it is.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) with what the server said.
    pub fn set(&self, name: &str, value: &str) -> Result<(), ClusterError> {
        let value = value.replace('\'', "''");
        self.sql("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'"))?;
        self.sql("postgres", "SELECT pg_reload_conf()").map(drop)
    }

    /// The port of 127.0.0.1 that it listens on, through all its restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its Unix socket is.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn options(&self) -> &PostgresOptions {
        &self.options
    }

    pub(crate) fn launch(&self) -> Result<(), ClusterError> {
        self.guard().start("the start of PostgreSQL", |process| self.is_ready(process))
    }

    /// The server's own word in its lock file, as `pg_ctl` reads it. One that was killed has left
    /// such a file too.
    fn is_ready(&self, process: Pid) -> bool {
        let lock = fs::read_to_string(self.directory.join("data/postmaster.pid"));
        let lock = lock.unwrap_or_default();
        let mut lines = lock.lines();
        lines.next().and_then(process_tree::process) == Some(process)
            && lines.nth(6).is_some_and(|status| status.trim() == "ready")
    }

    pub(crate) fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
