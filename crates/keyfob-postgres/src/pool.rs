use std::num::NonZeroUsize;

use deadpool_postgres::Pool;

use crate::database::{self, Database};
use crate::tls::Tls;
use crate::{OpenError, PostgresOptions};

impl PostgresOptions {
    /// Connections to the same database for the embedder's own tables, as many as this at most. They are
    /// made as the store makes its own, with its TLS and with what lets it notice a peer that is gone, when
    /// they are first needed.
    ///
    /// The store uses none of them, and closing the one does not close the other. Whoever lends a connection
    /// sets a deadline, and takes one that failed out of the pool: see
    /// [`PostgresError::ends_connection`](crate::PostgresError::ends_connection).
    ///
    /// # Errors
    /// [`OpenError::InvalidUrl`] and [`OpenError::Tls`].
    pub fn pool(&self, connections: NonZeroUsize) -> Result<Pool, OpenError> {
        let tls = Tls::new(&self.root_certificates)?;
        let tls_required = !self.root_certificates.is_empty();
        let config = database::config(&self.url, "the URL", tls_required, self.timeout)?;
        let database = Database::new(config, tls, connections.get(), self.timeout)?;
        Ok(database.into_pool())
    }
}
