use keyfob::DynStore;
use keyfob_postgres::{PostgresOptions, PostgresStore};
use keyfob_sqlite::SqliteStore;

use super::AnyError;
use crate::protocol::Place;

/// Opens the store that the settings name, with the defaults that a service would have.
pub(super) async fn open(place: &Place) -> Result<DynStore, AnyError> {
    match place {
        Place::Sqlite(path) => Ok(DynStore::new(SqliteStore::open(path).await?)),
        Place::Postgres { url, notifications, replica } => {
            let mut options = PostgresOptions::new(url).with_notification_url(notifications);
            if let Some(replica) = replica {
                options = options.with_replica(replica);
            }
            Ok(DynStore::new(PostgresStore::open_with(options).await?))
        }
    }
}
