//! Both parts of the database, keyfob's and takumo's, of the kind that its URL asks for.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use keyfob::DynStore;
use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_sqlite::{SqliteOptions, SqliteStore};

use crate::config::{Beside, DatabaseConfig};
use crate::database_url::{DatabaseUrl, PostgresUrl};
use crate::db::{Database, DatabaseError};

/// keyfob's store. A cheap clone.
#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

/// What to do when there is no database yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Create,
    Fail,
}

/// Connections for takumo's own tables, beside those that keyfob's store has.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

impl Store {
    /// Opens the store, and then takumo's tables, which lie beside it.
    pub(crate) async fn open(
        database: &DatabaseConfig,
        if_missing: IfMissing,
    ) -> Result<(Self, Database), OpenError> {
        match &database.url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path, if_missing).await,
            DatabaseUrl::Postgres(url) => open_postgres(url, &database.beside, if_missing).await,
        }
    }

    pub(crate) fn keys(&self) -> DynStore {
        match self {
            Self::Sqlite(store) => DynStore::new(store.clone()),
            Self::Postgres(store) => DynStore::new(store.clone()),
        }
    }

    /// Finishes what was begun and closes the database.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

async fn open_sqlite(path: &Path, if_missing: IfMissing) -> Result<(Store, Database), OpenError> {
    if if_missing == IfMissing::Create {
        create_for_owner(path);
    }
    let options = SqliteOptions::new(path).with_create_if_missing(if_missing == IfMissing::Create);
    let store = SqliteStore::open_with(options).await?;
    let tables = Database::open_sqlite(path).await?;
    Ok((Store::Sqlite(store), tables))
}

/// Makes an empty file, if there is none, for its owner's eyes alone: sessions and hashes of passwords will
/// be in it. SQLite gives those beside it the same mode. If this fails, to open it says why.
fn create_for_owner(path: &Path) {
    let _ = File::options().write(true).create_new(true).mode(0o600).open(path);
}

/// The database itself must be there. Only who may make the tables may change them: a command that
/// looks at an old schema beside a new server shall not.
async fn open_postgres(
    url: &PostgresUrl,
    beside: &Beside,
    if_missing: IfMissing,
) -> Result<(Store, Database), OpenError> {
    let migrate = if_missing == IfMissing::Create;
    let mut options = PostgresOptions::new(url.expose()).with_migrations(migrate);
    for replica in &beside.replicas {
        options = options.with_replica(replica.expose());
    }
    if let Some(url) = &beside.notifications {
        options = options.with_notification_url(url.expose());
    }
    if let Some(file) = &beside.certificates {
        let pem = std::fs::read(file)
            .map_err(|source| OpenError::Certificates { file: file.clone(), source })?;
        options = options.with_root_certificates(pem);
    }
    let pool = options.pool(CONNECTIONS)?;
    let store = PostgresStore::open_with(options).await?;
    let tables = Database::open_postgres(pool, migrate).await?;
    Ok((Store::Postgres(store), tables))
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// keyfob's store in SQLite could not be.
    #[error("the database could not be opened")]
    Sqlite(#[from] keyfob_sqlite::OpenError),
    /// keyfob's store in PostgreSQL could not be.
    #[error("{}", postgres_message(.0))]
    Postgres(#[from] keyfob_postgres::OpenError),
    /// The file with the certificates can't be read.
    #[error("the certificates in {} can't be read", file.display())]
    Certificates {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Takumo's own tables could not be.
    #[error("takumo's own tables could not be opened")]
    Tables(#[from] DatabaseError),
}

/// Says what to do about a database that lacks its tables.
fn postgres_message(error: &keyfob_postgres::OpenError) -> &'static str {
    match error {
        keyfob_postgres::OpenError::NotMigrated { found: 0, .. } => {
            "there is nothing in the database yet: start a server, or run `takumo-cloud migrate`"
        }
        keyfob_postgres::OpenError::NotMigrated { .. } => {
            "the database is of an older release: run `takumo-cloud migrate` of this one"
        }
        keyfob_postgres::OpenError::Forbidden(error) if error.code() == Some("42501") => {
            "this role may not make or read the tables: run `takumo-cloud migrate` as the role that \
             owns them, and grant this one its rights"
        }
        _ => "the database could not be opened",
    }
}
