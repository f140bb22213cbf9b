use deadpool_postgres::PoolError;
use keyfob_postgres::PostgresError;
use keyfob_sqlite::SqliteError;

/// Why the tables could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite said so.
    #[error("takumo's tables could not be read or written")]
    Sqlite(#[from] SqliteError),
    /// PostgreSQL said so, or could not be reached.
    #[error("takumo's tables could not be read or written")]
    Postgres(#[from] PostgresError),
    /// PostgreSQL did not answer in time.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The thread of the connection could not be started.
    #[error("the thread of the database connection could not be started")]
    Thread(#[source] std::io::Error),
    /// The thread of the connection is gone, or the pool of connections is closed.
    #[error("the database connection has ended")]
    Stopped,
    /// There are no tables, and they are not to be made.
    #[error("there are no tables of takumo's yet: run `takumo-cloud migrate`")]
    Missing,
    /// An older release wrote the tables, and they are not to be changed.
    #[error(
        "takumo's tables have version {found}, and this release needs {known}: run `takumo-cloud \
         migrate` of this release"
    )]
    Older {
        /// The version of the tables.
        found: u32,
        /// The version that this release needs.
        known: u32,
    },
    /// A newer release wrote the tables.
    #[error(
        "takumo's tables have version {found}, and this release knows up to {known}: use a newer one"
    )]
    Newer {
        /// The version of the tables.
        found: u32,
        /// The last version that this release can read.
        known: u32,
    },
    /// A row holds, in this column, what this program does not write.
    #[error("takumo's tables hold something that takumo did not write: {0}")]
    Corrupt(&'static str),
}

impl DatabaseError {
    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.is_transient(),
            Self::Postgres(error) => error.is_transient(),
            Self::TimedOut | Self::Stopped | Self::Thread(_) => true,
            Self::Missing | Self::Older { .. } | Self::Newer { .. } | Self::Corrupt(_) => false,
        }
    }

    /// Returns true if another change came first: it removed what this one depends on, or
    /// took the same name.
    pub(crate) fn is_lost_race(&self) -> bool {
        match self {
            // FOREIGN KEY, PRIMARY KEY and UNIQUE.
            Self::Sqlite(error) => matches!(error.extended_code(), Some(787 | 1555 | 2067)),
            Self::Postgres(error) => matches!(error.code(), Some("23503" | "23505")),
            _ => false,
        }
    }

    /// Whether the connection to PostgreSQL must not be used again.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::Postgres(error) => error.ends_connection(),
            Self::TimedOut => true,
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.into())
    }
}

/// Without what the server may have quoted of a row.
impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error.into())
    }
}

impl From<PoolError> for DatabaseError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            _ => Self::Stopped,
        }
    }
}
