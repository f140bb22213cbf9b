use std::sync::{Mutex, MutexGuard, PoisonError};

use keyfob_store::{Change, Changed, Changes, FeedPosition, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::to_number;
use crate::database::Value;
use crate::horizon::{Horizon, Moment};
use crate::lanes::Lanes;
use crate::{PostgresError, SchemaName, rows};

/// The change feed, as the primary tells it.
pub(crate) struct Feed {
    position: String,
    changes: String,
    /// The last position that was told, and what then stood there.
    last_told: Mutex<Option<Mark>>,
}

/// A position of the log, and the tag of the event there: none before the first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    position: FeedPosition,
    tag: Option<Uuid>,
}

impl Feed {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self {
            position: schema.apply(POSITION),
            changes: schema.apply(CHANGES),
            last_told: Mutex::new(None),
        }
    }

    pub(crate) async fn position(
        &self,
        lanes: &Lanes,
        horizon: &Horizon,
    ) -> Result<FeedPosition, StoreError> {
        let asked = Moment::now();
        let rows =
            lanes.query(&self.position, &[]).await.map_err(PostgresError::into_store_error)?;
        let end = rows.first().map(|row| mark(row, 0)).transpose()?.flatten();
        let end = end.unwrap_or(Mark { position: FeedPosition::START, tag: None });
        *self.last_told() = Some(end);
        horizon.heard(asked, end.position);
        Ok(end.position)
    }

    pub(crate) async fn changes(
        &self,
        lanes: &Lanes,
        horizon: &Horizon,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let limit = limit.min(MOST_CHANGES);
        // One more than is told: that is how to know whether there are more.
        let read_ahead = i64::try_from(limit + 1).expect("the limit is at most MOST_CHANGES");
        let (asked, seen) = (Moment::now(), horizon.seen());
        let values: [Value<'_>; 2] = [(&to_number(after), Type::INT8), (&read_ahead, Type::INT8)];
        let mut rows =
            lanes.query(&self.changes, &values).await.map_err(PostgresError::into_store_error)?;
        let first = rows.first().ok_or_else(|| StoreError::corrupt("a schema without a head"))?;
        let pruned_through = rows::position(first, 0)?;
        let end = mark(first, 1)?.unwrap_or(Mark { position: FeedPosition::START, tag: None });
        let here = Mark { position: after, tag: rows::get(first, 3)? };
        let was_told = *self.last_told();
        let is_rewritten = was_told.is_some_and(|told| told.position == after && told != here);
        if after > end.position || after < pruned_through || is_rewritten {
            *self.last_told() = None;
            horizon.rewound(seen, end.position);
            return Err(StoreError::FeedLost);
        }
        if rows::get::<Option<i64>>(first, 4)?.is_none() {
            rows.clear();
        }
        let complete = rows.len() <= limit;
        rows.truncate(limit);
        let changes = rows.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        let told = match rows.last() {
            _ if complete => end,
            Some(last) => mark(last, 4)?.unwrap_or(here),
            None => here,
        };
        *self.last_told() = Some(told);
        horizon.heard(asked, end.position);
        Ok(Changes { changes, reached: told.position, complete })
    }

    fn last_told(&self) -> MutexGuard<'_, Option<Mark>> {
        // Nothing panics while it is held, so it guards a whole state.
        self.last_told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of two columns, a position and a tag.
fn mark(row: &Row, column: usize) -> Result<Option<Mark>, StoreError> {
    if rows::get::<Option<i64>>(row, column)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Mark { position: rows::position(row, column)?, tag: rows::get(row, column + 1)? }))
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
const MOST_CHANGES: usize = 10_000;

pub(crate) const POSITION: &str =
    "SELECT position, tag FROM {schema}.events ORDER BY position DESC LIMIT 1";

/// A function of the schema: the migration that creates it tells why, and what the columns are.
const CHANGES: &str = "SELECT * FROM {schema}.changes($1, $2)";
