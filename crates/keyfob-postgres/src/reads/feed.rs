use keyfob_store::{Change, Changed, Changes, FeedCursor, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::to_number;
use crate::database::Value;
use crate::horizon::{Horizon, Moment};
use crate::lanes::Lanes;
use crate::{PostgresError, SchemaName, rows};

/// The change feed, read from the primary.
pub(crate) struct Feed {
    position: String,
    changes: String,
}

impl Feed {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self { position: schema.apply(POSITION), changes: schema.apply(CHANGES) }
    }

    pub(crate) async fn position(
        &self,
        lanes: &Lanes,
        horizon: &Horizon,
    ) -> Result<FeedCursor, StoreError> {
        let asked = Moment::now();
        let rows =
            lanes.query(&self.position, &[]).await.map_err(PostgresError::into_store_error)?;
        let end = match rows.first() {
            Some(row) => rows::cursor(row, 0)?,
            None => FeedCursor::START,
        };
        horizon.heard(asked, end.position());
        Ok(end)
    }

    pub(crate) async fn changes(
        &self,
        lanes: &Lanes,
        horizon: &Horizon,
        after: FeedCursor,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let limit = limit.min(MAX_CHANGES);
        // One more than is returned: that is how to know whether there are more.
        let read_ahead = i64::try_from(limit + 1).expect("the limit is at most MAX_CHANGES");
        let asked = Moment::now();
        let seen = horizon.seen();
        let values: [Value<'_>; 2] =
            [(&to_number(after.position()), Type::INT8), (&read_ahead, Type::INT8)];
        let mut rows =
            lanes.query(&self.changes, &values).await.map_err(PostgresError::into_store_error)?;
        let first = rows.first().ok_or_else(|| StoreError::corrupt("a schema without a head"))?;
        let pruned_through = rows::position(first, 0)?;
        let end = rows::cursor(first, 1)?;
        let is_rewritten = rows::tag(first, 3)? != after.mark();
        if is_rewritten || after.position() > end.position() || after.position() < pruned_through {
            horizon.rewound(seen, end.position());
            return Err(StoreError::FeedLost);
        }
        if rows::get::<Option<i64>>(first, 4)?.is_none() {
            rows.clear();
        }
        let complete = rows.len() <= limit;
        rows.truncate(limit);
        let changes = rows.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        let reached = match rows.last() {
            _ if complete => end,
            Some(last) => rows::cursor(last, 4)?,
            None => after,
        };
        horizon.heard(asked, end.position());
        Ok(Changes { changes, reached, complete })
    }
}

fn change(row: &Row) -> Result<Change, StoreError> {
    let changed = match rows::optional_key_id(row, 6)? {
        None => Changed::Organization(rows::organization(row, 7)?),
        Some(key) => {
            let hashes: &[u8] = rows::get(row, 8)?;
            Changed::Key {
                key,
                hashes: hashes.chunks(32).map(rows::key_hash).collect::<Result<_, _>>()?,
            }
        }
    };
    Ok(Change { position: rows::position(row, 4)?, changed })
}

/// However many changes are asked for, one answer holds no more.
const MAX_CHANGES: usize = 10_000;

pub(crate) const POSITION: &str =
    "SELECT position, tag FROM {schema}.events ORDER BY position DESC LIMIT 1";

/// A function of the schema: the migration that creates it tells why, and what the columns are.
const CHANGES: &str = "SELECT * FROM {schema}.changes($1, $2)";
