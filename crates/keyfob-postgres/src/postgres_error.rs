use std::error::Error;
use std::fmt;
use std::sync::Arc;

use keyfob_store::StoreError;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::WrongType;

/// What PostgreSQL said, or what became of the connection to it: the source of a store's error.
///
/// It has the server's code and message, and neither its detail nor its context: there PostgreSQL
/// quotes the values of a row, hashes among them.
#[derive(Clone)]
pub struct PostgresError(Arc<Said>);

struct Said {
    code: Option<SqlState>,
    text: String,
    is_conversion: bool,
}

impl PostgresError {
    /// The SQLSTATE, if it was the server that spoke.
    ///
    /// The codes are listed at <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_ref().map(SqlState::code)
    }

    /// The connection, and not the server, was what failed.
    pub(crate) fn connection(text: impl Into<String>) -> Self {
        Self(Arc::new(Said { code: None, text: text.into(), is_conversion: false }))
    }

    pub(crate) fn is(&self, state: &SqlState) -> bool {
        self.0.code.as_ref() == Some(state)
    }

    /// Whether the same work, tried again at once, may well succeed: two transactions were in each
    /// other's way, and this one gave in.
    #[must_use]
    pub fn is_collision(&self) -> bool {
        self.is(&SqlState::T_R_DEADLOCK_DETECTED) || self.is(&SqlState::T_R_SERIALIZATION_FAILURE)
    }

    /// Whether the connection must not be used again: it is broken, or leads to a server that is
    /// going away or has become a standby.
    #[must_use]
    pub fn ends_connection(&self) -> bool {
        match self.code() {
            None => !self.0.is_conversion,
            Some(code) => matches!(class(code), "08" | "57" | "25") || code == "XX000",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.clone().into_store_error().is_transient()
    }

    /// What it means to the caller of a store.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self.code() {
            None if self.0.is_conversion => StoreError::Corrupt {
                what: "a column of another type than keyfob made".into(),
                source: Some(self.into()),
            },
            None | Some("55P03") => StoreError::Unavailable(self.into()),
            // Connections, transactions (read only, idle for too long), rollbacks (deadlock),
            // resources, shutdowns and cancellations, the system. 55P03 is a lock that is not had.
            Some(code) if matches!(class(code), "08" | "25" | "40" | "53" | "57" | "58") => {
                StoreError::Unavailable(self.into())
            }
            Some("XX001" | "XX002") => StoreError::Corrupt {
                what: "PostgreSQL finds its data damaged".into(),
                source: Some(self.into()),
            },
            Some(_) => StoreError::Internal(self.into()),
        }
    }
}

fn class(code: &str) -> &str {
    code.get(..2).unwrap_or(code)
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        let said = match error.as_db_error() {
            Some(server) => Said {
                code: Some(server.code().clone()),
                text: format!("{}: {}", server.severity(), server.message()),
                is_conversion: false,
            },
            None => Said {
                code: None,
                text: chain(&error),
                is_conversion: error.source().is_some_and(<dyn Error>::is::<WrongType>),
            },
        };
        Self(Arc::new(said))
    }
}

/// An error of the connection and what caused it. None of them knows the values of a statement, nor the
/// password of the connection.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresError")
            .field("code", &self.code())
            .field("text", &self.0.text)
            .finish()
    }
}

impl Error for PostgresError {}

/// Why a request was not carried out although PostgreSQL had nothing to say about it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the store is closed")]
    Closed,
    #[error("the store's task ended before it answered: its runtime was shut down")]
    TaskEnded,
    #[error("PostgreSQL did not answer in time")]
    Deadline,
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        Self::Unavailable(refused.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(code: &str) -> StoreError {
        let said = Said {
            code: Some(SqlState::from_code(code)),
            text: String::new(),
            is_conversion: false,
        };
        PostgresError(Arc::new(said)).into_store_error()
    }

    #[test]
    fn codes_tell_what_may_pass_from_what_is_damaged() {
        for code in
            ["08006", "25006", "25P03", "40P01", "40001", "53300", "55P03", "57014", "57P01"]
        {
            assert!(mapped(code).is_transient(), "{code}");
        }
        assert!(PostgresError::connection("cut").into_store_error().is_transient());
        for code in ["XX001", "XX002"] {
            assert!(matches!(mapped(code), StoreError::Corrupt { source: Some(_), .. }), "{code}");
        }
        for code in ["23505", "42501", "42P01", "22021"] {
            assert!(matches!(mapped(code), StoreError::Internal(_)), "{code}");
        }
    }
}
