//! Where the service listens and where it keeps its data.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use keyfob::Environment;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on. Port 0 lets the operating system choose one.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub database: DatabaseUrl,
    /// Accept keys of this environment only.
    pub require_environment: Option<Environment>,
}

impl Config {
    /// Loopback, so that nothing is reachable from outside until someone asks for it.
    pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
}

/// A database, by URL: `sqlite://takumo.db`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrl {
    path: PathBuf,
}

impl DatabaseUrl {
    /// A file in the current directory.
    pub const DEFAULT: &str = "sqlite://takumo.db";

    /// A SQLite file.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The SQLite file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    /// Reads `sqlite://relative/path.db` or `sqlite:///absolute/path.db`. Everything behind the
    /// slashes is the path as it stands: nothing is decoded, and there are no parameters.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Err(InvalidDatabaseUrl::PostgresNotBuilt);
        }
        match url.strip_prefix("sqlite://") {
            Some("" | ":memory:") => Err(InvalidDatabaseUrl::NoFile),
            Some(path) => Ok(Self::sqlite(path)),
            None => Err(InvalidDatabaseUrl::Scheme),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite://{}", self.path.display())
    }
}

/// The URL names no database that this build can open. The URL itself is not quoted: one for
/// another database may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// A PostgreSQL URL.
    #[error("this build has no PostgreSQL store yet: use sqlite://FILE")]
    PostgresNotBuilt,
    /// Something else.
    #[error("a database is given as sqlite://FILE, such as sqlite://takumo.db")]
    Scheme,
    /// A SQLite URL without a file. Several connections share the data, so memory is no place for it.
    #[error("sqlite:// needs the name of a file, such as sqlite://takumo.db")]
    NoFile,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<DatabaseUrl, InvalidDatabaseUrl> {
        url.parse()
    }

    #[test]
    fn sqlite_url_is_a_path() {
        assert_eq!(parse("sqlite://takumo.db"), Ok(DatabaseUrl::sqlite("takumo.db")));
        assert_eq!(parse("sqlite:///var/lib/t.db"), Ok(DatabaseUrl::sqlite("/var/lib/t.db")));
        let default = parse(DatabaseUrl::DEFAULT).unwrap();
        assert_eq!(default.to_string(), DatabaseUrl::DEFAULT);
    }

    #[test]
    fn other_urls_are_told_apart_and_not_quoted() {
        let postgres = parse("postgres://user:secret@host/db").unwrap_err();
        assert_eq!(postgres, InvalidDatabaseUrl::PostgresNotBuilt);
        assert!(!postgres.to_string().contains("secret"));
        assert_eq!(parse("takumo.db"), Err(InvalidDatabaseUrl::Scheme));
        assert_eq!(parse("sqlite://"), Err(InvalidDatabaseUrl::NoFile));
        assert_eq!(parse("sqlite://:memory:"), Err(InvalidDatabaseUrl::NoFile));
    }
}
