/// Why the tables could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite said so.
    #[error("takumo's tables could not be read or written")]
    Sqlite(#[from] rusqlite::Error),
    /// The thread of the connection could not be started.
    #[error("the thread of the database connection could not be started")]
    Thread(#[source] std::io::Error),
    /// The thread of the connection is gone.
    #[error("the database connection has ended")]
    Stopped,
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
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
            ),
            Self::Stopped | Self::Thread(_) => true,
            Self::Newer { .. } | Self::Corrupt(_) => false,
        }
    }
}
