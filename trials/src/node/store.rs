use keyfob::DynStore;
use keyfob_sqlite::SqliteStore;

use super::AnyError;
use crate::protocol::Settings;

/// Opens the store that the settings name.
pub(super) async fn open(settings: &Settings) -> Result<DynStore, AnyError> {
    match settings.store.split_once(':') {
        Some(("sqlite", path)) => Ok(DynStore::new(SqliteStore::open(path).await?)),
        // Not quoted: a URL may have a password in it.
        _ => Err("a store is `sqlite:` and a path".into()),
    }
}
