use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tokio_postgres::config::Host;

/// A database, by URL: `sqlite://takumo.db`, or `postgres://user@host/database`.
///
/// `Display` and `Debug` show of a PostgreSQL URL where the database is, and neither who asks nor the
/// password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A database of PostgreSQL.
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// A file in the current directory.
    pub const DEFAULT: &str = "sqlite://takumo.db";

    /// A SQLite file.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite(path.into())
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    /// Reads `sqlite://relative/path.db` or `sqlite:///absolute/path.db`. Everything behind the
    /// slashes is the path as it stands: nothing is decoded, and there are no parameters. A URL of
    /// PostgreSQL is read as libpq does.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return url.parse().map(Self::Postgres);
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
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL of PostgreSQL, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    url: String,
    shown: String,
}

impl PostgresUrl {
    /// All of it, for those who connect.
    pub(crate) fn expose(&self) -> &str {
        &self.url
    }
}

impl FromStr for PostgresUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(InvalidDatabaseUrl::Postgres);
        }
        // What the parser says may quote a part of it.
        let config: tokio_postgres::Config =
            url.parse().map_err(|_| InvalidDatabaseUrl::Postgres)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(InvalidDatabaseUrl::Postgres);
        }
        Ok(Self { url: url.to_owned(), shown: shown(&config) })
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const DEFAULT_PORT: u16 = 5432;

/// Where the database is.
fn shown(config: &tokio_postgres::Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(place, host)| {
        let host = match host {
            Host::Tcp(host) => host.clone(),
            Host::Unix(directory) => directory.display().to_string(),
        };
        // One port is for all of them.
        match ports.get(place).or(ports.first()) {
            Some(&DEFAULT_PORT) | None => host,
            Some(port) => format!("{host}:{port}"),
        }
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let hosts: Vec<_> = hosts.collect();
    let hosts = if hosts.is_empty() { addresses.collect() } else { hosts };
    // Without one, it is the database of the user's name.
    let database = config.get_dbname().unwrap_or_default();
    format!("postgres://{}/{database}", hosts.join(","))
}

/// The URL names no database that there could be. The URL itself is not quoted: it may hold a
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// Something else than SQLite or PostgreSQL.
    #[error(
        "a database is given as sqlite://FILE, such as sqlite://takumo.db, or as \
         postgres://USER@HOST/DATABASE"
    )]
    Scheme,
    /// A SQLite URL without a file. Several connections share the data, so memory is no place for it.
    #[error("sqlite:// needs the name of a file, such as sqlite://takumo.db")]
    NoFile,
    /// A URL that PostgreSQL's libraries would not read.
    #[error("a PostgreSQL database is given as postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Postgres,
    /// Something was said that only makes sense of PostgreSQL.
    #[error("replicas, a URL for notifications and a certificate are for a postgres:// database")]
    NotPostgres,
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
    fn postgres_url_is_shown_as_host_and_database() {
        for (url, shown) in [
            ("postgres://app:canary@db1/keys", "postgres://db1/keys"),
            ("postgresql://canary@db1:5433/keys?sslmode=require", "postgres://db1:5433/keys"),
            (
                "postgres://app:canary@db1,db2/keys?target_session_attrs=read-write",
                "postgres://db1,db2/keys",
            ),
            ("postgres://db1/keys?user=canary&password=canary", "postgres://db1/keys"),
            (
                "postgres:///keys?host=/run/postgresql&password=canary",
                "postgres:///run/postgresql/keys",
            ),
            ("postgres://canary:c%40nary@db1", "postgres://db1/"),
        ] {
            let parsed = parse(url).unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(format!("{parsed:?}"), shown);
        }
    }

    #[test]
    fn other_urls_are_told_apart_and_not_quoted() {
        for url in [
            "postgres://app:canary@host:port/db",
            "postgres://app:canary@host/db?canary=canary",
            "postgres://app:canary@host/db?port=canary",
            "postgres://",
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error, InvalidDatabaseUrl::Postgres, "{url}");
            assert!(!error.to_string().contains("canary"));
        }
        assert_eq!(parse("mysql://canary@host/db"), Err(InvalidDatabaseUrl::Scheme));
        assert_eq!(parse("takumo.db"), Err(InvalidDatabaseUrl::Scheme));
        assert_eq!(parse("sqlite://"), Err(InvalidDatabaseUrl::NoFile));
        assert_eq!(parse("sqlite://:memory:"), Err(InvalidDatabaseUrl::NoFile));
    }
}
