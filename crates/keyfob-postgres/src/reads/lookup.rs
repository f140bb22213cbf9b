use std::collections::HashMap;

use keyfob_store::{DamagedRecord, FoundKeys, KeyHash, StoreError};
use tokio_postgres::types::Type;

use crate::database::Value;
use crate::lanes::Lanes;
use crate::{PostgresError, SchemaName, rows};

/// Lookups by hash, on shared connections of one server.
pub(crate) struct Lookup {
    sql: String,
    lanes: Lanes,
}

impl Lookup {
    pub(crate) fn new(schema: &SchemaName, lanes: Lanes) -> Self {
        let sql = if lanes.prepares() { FOUND } else { FIND };
        Self { sql: schema.apply(sql), lanes }
    }

    /// One statement, so keys and position are of one snapshot.
    pub(crate) async fn find(&self, hashes: &[KeyHash]) -> Result<FoundKeys, LookupError> {
        let asked: Vec<&[u8]> = hashes.iter().map(|hash| &hash.as_bytes()[..]).collect();
        let values: [Value<'_>; 1] = [(&asked, Type::BYTEA_ARRAY)];
        let rows = self.lanes.query(&self.sql, &values).await?;
        let first = rows.first().ok_or_else(|| StoreError::corrupt("a lookup without a row"))?;
        let mut known = HashMap::with_capacity(rows.len());
        for row in &rows {
            if let Some(hash) = rows::get::<Option<&[u8]>>(row, 1)? {
                let found = match rows::found_key(row, 2) {
                    Ok(found) => Ok(Some(found)),
                    Err(error) => Err(DamagedRecord::of(error)?),
                };
                known.insert(rows::key_hash(hash)?, found);
            }
        }
        Ok(FoundKeys {
            position: rows::position(first, 0)?,
            keys: hashes.iter().map(|hash| known.get(hash).cloned().unwrap_or(Ok(None))).collect(),
        })
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }
}

/// Why there is no answer: the server's fault, or that of what it holds.
pub(crate) enum LookupError {
    Server(PostgresError),
    Store(StoreError),
}

impl From<PostgresError> for LookupError {
    fn from(error: PostgresError) -> Self {
        Self::Server(error)
    }
}

impl From<StoreError> for LookupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<LookupError> for StoreError {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Server(error) => error.into_store_error(),
            LookupError::Store(error) => error,
        }
    }
}

/// Functions of the schema, of which the second is for who prepares the statement: the migration that creates them
/// tells why. The position stands in each row; when nothing is found, it stands in one that has nothing else.
const FIND: &str = "SELECT * FROM {schema}.find($1)";
const FOUND: &str = "SELECT * FROM {schema}.found($1)";
