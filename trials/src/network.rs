use keyfob_test_cluster::{PostgresServer, Proxy};

use crate::failure::Failure;
use crate::protocol::Place;
use crate::stage::Primary;

/// The ways of one node to its store, each of which can fail by itself.
pub(crate) struct Network {
    /// To the primary, or to a pooler in front of it.
    pub(crate) store: Proxy,
    /// To the primary, for the connection that listens.
    pub(crate) notifications: Proxy,
    /// To a replica.
    pub(crate) replica: Option<Proxy>,
}

impl Network {
    /// Through a pooler on that port, if there is one.
    pub(crate) fn start(
        primary: &Primary,
        pooler: Option<u16>,
        replica: Option<&PostgresServer>,
    ) -> Result<Self, Failure> {
        let port = primary.server.port();
        Ok(Self {
            store: Proxy::start(pooler.unwrap_or(port))?,
            notifications: Proxy::start(port)?,
            replica: replica.map(|replica| Proxy::start(replica.port())).transpose()?,
        })
    }

    pub(crate) fn place(&self, primary: &Primary) -> Place {
        Place::Postgres {
            url: self.store.url(&primary.database),
            notifications: self.notifications.url(&primary.database),
            replica: self.replica.as_ref().map(|replica| replica.url(&primary.database)),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Proxy> {
        [&self.store, &self.notifications].into_iter().chain(&self.replica)
    }
}
