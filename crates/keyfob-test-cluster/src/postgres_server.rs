use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::account::Account;
use crate::guarded_process::GuardedProcess;
use crate::{ClusterError, Database, PostgresOptions, port, program, template};

/// A PostgreSQL server of one's own, on a port of the loopback and a Unix socket, with its files in
/// a temporary directory. Dropping it stops it and removes them, and so does the end of the process
/// that started it.
///
/// The superuser is `postgres`, and everybody is trusted without a password.
///
/// Methods block, so that tests without an async runtime can use them too.
#[derive(Debug)]
pub struct PostgresServer {
    account: Account,
    directory: PathBuf,
    port: u16,
    options: PostgresOptions,
    /// None while the server is down.
    process: Mutex<Option<GuardedProcess>>,
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
        const ATTEMPTS: usize = 5;
        let mut attempt = 1;
        loop {
            match Self::start_on(port::free(), options) {
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

    fn start_on(port: u16, options: &PostgresOptions) -> Result<Self, ClusterError> {
        let account = Account::for_servers()?;
        let directory = directory(account)?;
        let server = Self {
            account,
            directory,
            port,
            options: options.clone(),
            process: Mutex::default(),
            databases: AtomicU64::default(),
        };
        template::unpack(account, &server.directory)?;
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
        // Copies the empty template by files, which is faster than through the log.
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
        let mut psql = program::command(program::postgres("psql")?);
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database])
            .arg("-h")
            .arg(&self.directory)
            .args(["-p", &self.port.to_string(), "-c", sql]);
        let output = program::output(&mut psql)?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
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

    pub(crate) fn launch(&self) -> Result<(), ClusterError> {
        let mut command = program::command(program::postgres("postgres")?);
        command
            .arg("-D")
            .arg(self.directory.join("data"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .arg("-k")
            .arg(&self.directory)
            .args(self.options.arguments());
        let process = GuardedProcess::start(self.account, &self.directory, "QUIT", &command)?;
        process.wait_until("the start of PostgreSQL", &self.directory, || self.is_ready())?;
        *self.process() = Some(process);
        Ok(())
    }

    /// The server's own word in its lock file, as `pg_ctl` reads it.
    fn is_ready(&self) -> bool {
        let lock = fs::read_to_string(self.directory.join("data/postmaster.pid"));
        lock.is_ok_and(|lock| lock.lines().nth(7).is_some_and(|status| status.trim() == "ready"))
    }

    pub(crate) fn process(&self) -> MutexGuard<'_, Option<GuardedProcess>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new directory that belongs to the server, which removes it when it ends.
pub(crate) fn directory(account: Account) -> Result<PathBuf, ClusterError> {
    // Short: the path of a Unix socket has room for 107 bytes.
    let directory = tempfile::Builder::new()
        .prefix("keyfob-")
        .tempdir()
        .map_err(ClusterError::io("no directory for a server"))?
        .keep();
    account.give(&directory)?;
    Ok(directory)
}
