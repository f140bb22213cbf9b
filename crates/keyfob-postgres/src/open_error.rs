use crate::PostgresError;

/// Why a store could not be opened. The database is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A URL is not one that PostgreSQL's libraries would read. It is not repeated here: it may hold a
    /// password.
    #[error("{which} can't be read: {why}")]
    InvalidUrl {
        /// Which of the URLs.
        which: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate or the connection's encryption can't be set up.
    #[error("TLS can't be set up: {why}")]
    Tls {
        /// What is wrong.
        why: String,
    },
    /// The database can't be reached, or did not answer in time. Asking again later may work.
    #[error("the database is not available")]
    Unavailable(#[source] PostgresError),
    /// The role may not do what is needed: to migrate needs the owner of the schema, or one who may
    /// create it; to open a schema that is up to date needs to read its tables.
    #[error("the role may not do this")]
    Forbidden(#[source] PostgresError),
    /// A table of one of keyfob's names is there, and keyfob did not make it: choose another schema.
    #[error("{what}, and keyfob did not make it: choose another schema")]
    Foreign {
        /// What was found.
        what: String,
    },
    /// A newer release of keyfob has migrated the schema: upgrade this one.
    #[error("the schema has version {found}, and this release knows {known}: upgrade keyfob")]
    Newer {
        /// The version of the schema.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The options forbid to migrate, and the schema needs it.
    #[error("the schema has version {found} and must be migrated to {known}")]
    NotMigrated {
        /// The version of the schema, 0 where there is none.
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
    /// The store can't work with this database at all.
    #[error("{what}")]
    Unsupported {
        /// What is missing.
        what: String,
    },
    /// PostgreSQL failed in a way that none of the other kinds covers.
    #[error("PostgreSQL failed to open the store")]
    Internal(#[source] PostgresError),
}

impl From<PostgresError> for OpenError {
    fn from(error: PostgresError) -> Self {
        match error.code() {
            Some("42501") => Self::Forbidden(error),
            Some(code) if code.starts_with("28") => Self::Forbidden(error),
            _ => match error.clone().into_store_error() {
                keyfob_store::StoreError::Unavailable(_) => Self::Unavailable(error),
                _ => Self::Internal(error),
            },
        }
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        PostgresError::from(error).into()
    }
}
