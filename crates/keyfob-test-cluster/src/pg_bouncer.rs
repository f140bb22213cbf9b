use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use crate::account::Account;
use crate::guard::Guard;
use crate::{ClusterError, Database, PostgresServer, port, program};

/// PgBouncer in transaction mode in front of a server: each transaction may run in another session
/// than the one before.
///
/// Debian's 1.18 knows nothing of prepared statements that outlive a transaction.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _guard: Guard,
}

/// How a pooler is set up.
#[derive(Clone, Debug)]
#[must_use = "options start nothing by themselves"]
pub struct PgBouncerOptions {
    pool_size: u32,
    settings: Vec<(String, String)>,
}

impl PgBouncerOptions {
    /// Up to 20 sessions at the server for each database and role.
    pub fn new() -> Self {
        Self { pool_size: 20, settings: Vec::new() }
    }

    /// How many sessions at the server there are for each database and role. With one, all clients
    /// meet in the same.
    pub fn with_pool_size(mut self, sessions: u32) -> Self {
        self.pool_size = sessions;
        self
    }

    /// Sets a parameter of `pgbouncer.ini`.
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

impl Default for PgBouncerOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl PgBouncer {
    /// Starts a pooler for all databases of a server, and returns when it listens.
    ///
    /// # Errors
    ///
    /// [`MissingProgram`](ClusterError::MissingProgram) without PgBouncer;
    /// [`Failed`](ClusterError::Failed) with the end of its log if it does not start.
    pub fn start(
        server: &PostgresServer,
        options: &PgBouncerOptions,
    ) -> Result<Self, ClusterError> {
        let program = program::pgbouncer()?;
        let port = port::free();
        let mut guard = Guard::new(Account::for_servers()?, "TERM", |directory| {
            let mut command = program::command(program);
            command.arg(directory.join("pgbouncer.ini"));
            command
        })?;
        configure(guard.directory(), port, server, options)
            .map_err(ClusterError::io("PgBouncer can't be configured"))?;
        guard.start("the start of PgBouncer", |_| {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        })?;
        Ok(Self { port, _guard: guard })
    }

    /// A database's URL over TCP through this pooler.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        database.url_through(self.port)
    }

    /// The port of 127.0.0.1 that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn configure(
    directory: &Path,
    port: u16,
    server: &PostgresServer,
    options: &PgBouncerOptions,
) -> std::io::Result<()> {
    let socket = server.socket_directory().display();
    let mut settings = format!(
        "[databases]\n\
         * = host={socket} port={server_port} auth_user=postgres\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = trust\n\
         auth_file = {directory}/users\n\
         pool_mode = transaction\n\
         max_client_conn = 1000\n\
         default_pool_size = {pool_size}\n",
        server_port = server.port(),
        directory = directory.display(),
        pool_size = options.pool_size,
    );
    for (name, value) in &options.settings {
        writeln!(settings, "{name} = {value}").expect("a string takes what it is given");
    }
    fs::write(directory.join("pgbouncer.ini"), settings)?;
    // It asks the server for all the others, as this one.
    fs::write(directory.join("users"), "\"postgres\" \"\"\n")
}
