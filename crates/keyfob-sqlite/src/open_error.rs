use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::SqliteError;

/// Why a store could not be opened. The file is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file, and the options forbid to create one.
    #[error("there is no database at {}", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another process kept the file locked for longer than the options allow to wait.
    #[error("another process keeps the database locked")]
    Busy(#[source] SqliteError),
    /// The file, or the directory in which SQLite keeps its log beside the file, can't be written.
    #[error("the database or its directory is read-only")]
    ReadOnly(#[source] SqliteError),
    /// The disk, or the file by its configured size, is full.
    #[error("there is no space left for the database")]
    Full(#[source] SqliteError),
    /// The file can't be opened, read or written: a missing directory, permissions, the disk.
    #[error("the database can't be opened or read")]
    Io(#[source] SqliteError),
    /// The file is not a SQLite database, or is damaged.
    #[error("the file is damaged, or not a SQLite database")]
    Corrupt(#[source] SqliteError),
    /// A table of one of keyfob's names is there, and keyfob did not make it: choose another
    /// table prefix, or another file.
    #[error("{what}, and keyfob did not make it: choose another table prefix or file")]
    Foreign {
        /// What was found.
        what: String,
    },
    /// A newer release of keyfob has migrated the database: upgrade this one.
    #[error("the schema has version {found}, and this release knows {known}: upgrade keyfob")]
    Newer {
        /// The version of the database.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The options forbid to migrate, and the database needs it.
    #[error("the schema has version {found} and must be migrated to {known}")]
    NotMigrated {
        /// The version of the database, 0 without a schema.
        found: i64,
        /// The version that this release needs.
        known: i64,
    },
    /// The schema is not what the migrations made of it.
    #[error("keyfob's schema was altered: {what}")]
    Altered {
        /// What differs.
        what: String,
    },
    /// The store can't work with this file or this SQLite library at all.
    #[error("{what}")]
    Unsupported {
        /// What is missing.
        what: String,
    },
    /// SQLite failed in a way that none of the other kinds covers.
    #[error("SQLite failed to open the database")]
    Internal(#[source] SqliteError),
    /// The operating system did not start a thread.
    #[error("the store's thread could not be started")]
    Thread(#[source] std::io::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        let error = SqliteError::from(error);
        match error.code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(error),
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => Self::Io(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error),
            _ => Self::Internal(error),
        }
    }
}
