//! Where the service listens and where it keeps its data.

use std::net::SocketAddr;
use std::path::PathBuf;

use keyfob::Environment;

use crate::database_url::{DatabaseUrl, InvalidDatabaseUrl, PostgresUrl};
use crate::public_url::PublicUrl;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on. Port 0 lets the operating system choose one.
    pub listen: SocketAddr,
    /// By which URL browsers reach the pages, if a proxy stands in front.
    pub public_url: Option<PublicUrl>,
    /// Where everything is kept.
    pub database: DatabaseConfig,
    /// Accept keys of this environment only.
    pub require_environment: Option<Environment>,
}

impl Config {
    /// Loopback, so that nothing is reachable from outside until someone asks for it.
    pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
}

/// A database, and the other ways to it.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    pub(crate) url: DatabaseUrl,
    pub(crate) beside: Beside,
}

/// What may be said of a database of PostgreSQL beside its URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// Where to listen for notifications, if the URL leads to a pooler.
    pub(crate) notifications: Option<PostgresUrl>,
    /// Standbys that may answer lookups.
    pub(crate) replicas: Vec<PostgresUrl>,
    /// A file with the certificates of authorities, in place of the system's.
    pub(crate) certificates: Option<PathBuf>,
}

impl DatabaseConfig {
    pub(crate) fn new(url: DatabaseUrl, beside: Beside) -> Result<Self, InvalidDatabaseUrl> {
        if matches!(url, DatabaseUrl::Sqlite(_)) && beside != Beside::default() {
            return Err(InvalidDatabaseUrl::NotPostgres);
        }
        Ok(Self { url, beside })
    }
}

/// A database and nothing beside it.
impl From<DatabaseUrl> for DatabaseConfig {
    fn from(url: DatabaseUrl) -> Self {
        Self { url, beside: Beside::default() }
    }
}
