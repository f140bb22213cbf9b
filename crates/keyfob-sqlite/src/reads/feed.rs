use keyfob_store::{Change, Changed, Changes, FeedPosition, KeyHash, KeyId, StoreError, Timestamp};
use rusqlite::{Statement, params};

use super::{all, first, to_number};
use crate::rows::{self, Step};

/// The log as a feed of changes: the events that name a key or delete an organization.
pub(super) struct Feed<'c> {
    end: Statement<'c>,
    changes: Statement<'c>,
    hashes: Statement<'c>,
}

impl<'c> Feed<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            end: prepare("SELECT max(position) FROM {prefix}events")?,
            changes: prepare(CHANGES)?,
            hashes: prepare(HASHES)?,
        })
    }

    pub(super) fn end(&mut self) -> Result<FeedPosition, StoreError> {
        let end = first(&mut self.end, [], |row| rows::position(row, 0))?;
        Ok(end.unwrap_or(FeedPosition::START))
    }

    pub(super) fn read(
        &mut self,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let end = self.end()?;
        if after > end {
            return Err(StoreError::FeedLost);
        }
        let limit = limit.min(MOST_CHANGES);
        // One more than is told: that is how to know whether there are more.
        let read_ahead = i64::try_from(limit + 1).expect("the limit is at most MOST_CHANGES");
        let mut steps = all(&mut self.changes, [to_number(after), read_ahead], rows::step)?;
        let complete = steps.len() <= limit;
        steps.truncate(limit);
        let mut changes = Vec::with_capacity(steps.len());
        for Step { position, at, key, organization } in steps {
            let what = match key {
                Some(key) => Changed::Key { key, hashes: self.hashes(key, at)? },
                None => Changed::Organization(organization),
            };
            changes.push(Change { position, changed: what });
        }
        let told = changes.last().map_or(after, |change| change.position);
        Ok(Changes { changes, reached: if complete { end } else { told }, complete })
    }

    /// The hashes of the secrets that had not long retired when the change was made.
    fn hashes(&mut self, key: KeyId, at: Timestamp) -> Result<Vec<KeyHash>, StoreError> {
        let a_day_before = at.as_micros().saturating_sub(DAY);
        let values = params![key.as_bytes(), a_day_before];
        all(&mut self.hashes, values, |row| rows::key_hash(row, 0))
    }
}

const DAY: i64 = 86_400_000_000;

/// However many changes are asked for, one answer holds no more.
const MOST_CHANGES: usize = 10_000;

pub(super) const CHANGES: &str = "SELECT position, at, key, organization FROM {prefix}events \
     WHERE position > ?1 AND (key IS NOT NULL OR action = 'organization.deleted') \
     ORDER BY position LIMIT ?2";

/// Left to itself, SQLite would read all the secrets that the key ever had, since they lie together.
pub(super) const HASHES: &str = "\
     SELECT hash FROM {prefix}secrets INDEXED BY {prefix}secrets_by_end \
     WHERE key = (SELECT number FROM {prefix}keys WHERE id = ?1) AND retires_at IS NULL UNION ALL \
     SELECT hash FROM {prefix}secrets INDEXED BY {prefix}secrets_by_end \
     WHERE key = (SELECT number FROM {prefix}keys WHERE id = ?1) AND retires_at > ?2";
