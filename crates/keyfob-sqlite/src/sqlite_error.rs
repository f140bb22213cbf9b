use std::error::Error;
use std::fmt;
use std::sync::Arc;

use keyfob_store::StoreError;
use rusqlite::ErrorCode;

/// What SQLite said: the source of a store's error.
///
/// It may quote the text of a statement or the name of a constraint, and never a value.
#[derive(Clone, Debug)]
pub struct SqliteError(Arc<rusqlite::Error>);

impl SqliteError {
    /// SQLite's extended result code, if the error is one of SQLite's.
    ///
    /// The codes are listed at <https://sqlite.org/rescode.html>.
    #[must_use]
    pub fn extended_code(&self) -> Option<i32> {
        self.0.sqlite_error().map(|error| error.extended_code)
    }

    /// Returns true if the same request may succeed later: the file is locked, the disk is full, and
    /// the like.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.clone().into_store_error().is_transient()
    }

    pub(crate) fn code(&self) -> Option<ErrorCode> {
        self.0.sqlite_error_code()
    }

    /// What it means to the caller of a store.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self.code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
                | ErrorCode::OperationAborted
                | ErrorCode::FileLockingProtocolFailed,
            ) => StoreError::Unavailable(self.into()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt {
                what: "SQLite finds the database file damaged".into(),
                source: Some(self.into()),
            },
            _ => StoreError::Internal(self.into()),
        }
    }
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SqliteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Shorthand for `map_err`.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    SqliteError::from(error).into_store_error()
}

/// Why a request was not carried out although SQLite had nothing to say about it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the store is closed")]
    Closed,
    #[error("the store's thread ended before it answered")]
    ThreadEnded,
    #[error("SQLite rolled back the transaction that this write was part of")]
    RolledBack,
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed | Refused::RolledBack => Self::Unavailable(refused.into()),
            Refused::ThreadEnded => Self::Internal(refused.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn mapped(code: i32) -> StoreError {
        store_error(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn codes_tell_what_may_pass_from_what_is_damaged() {
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_CANTOPEN,
        ] {
            assert!(mapped(code).is_transient(), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(matches!(mapped(code), StoreError::Corrupt { source: Some(_), .. }), "{code}");
        }
        for code in [ffi::SQLITE_ERROR, ffi::SQLITE_CONSTRAINT_TRIGGER, ffi::SQLITE_MISUSE] {
            assert!(matches!(mapped(code), StoreError::Internal(_)), "{code}");
        }
    }

    #[test]
    fn source_tells_the_extended_code() {
        let error = SqliteError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(2067), None));
        assert_eq!(error.extended_code(), Some(2067));
    }
}
