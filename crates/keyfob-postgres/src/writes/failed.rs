use keyfob_store::StoreError;

use crate::PostgresError;

/// Why a transaction came to nothing: everyone in it is told.
#[derive(Clone, Debug)]
pub(crate) enum Failed {
    /// The server, or the connection to it.
    Server(PostgresError),
    /// What it read made no sense.
    Corrupt(String),
}

impl Failed {
    pub(crate) fn to_store_error(&self) -> StoreError {
        match self {
            Self::Server(error) => error.clone().into_store_error(),
            Self::Corrupt(what) => StoreError::corrupt(what.clone()),
        }
    }
}

impl From<PostgresError> for Failed {
    fn from(error: PostgresError) -> Self {
        Self::Server(error)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error.into())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { what, .. } => Self::Corrupt(what),
            other => Self::Corrupt(other.to_string()),
        }
    }
}
