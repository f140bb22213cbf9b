use keyfob_store::{
    Change, Changed, Changes, FeedCursor, FeedPosition, KeyHash, KeyId, StoreError, Timestamp,
};
use rusqlite::{Statement, params};

use super::{all, first, to_number};
use crate::rows::{self, Step};

/// The log as a feed of changes: the events that name a key or delete an organization.
pub(super) struct Feed<'c> {
    end: Statement<'c>,
    mark: Statement<'c>,
    examined_to: Statement<'c>,
    changes: Statement<'c>,
    hashes: Statement<'c>,
}

impl<'c> Feed<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            end: prepare("SELECT max(position) FROM {prefix}events")?,
            mark: prepare("SELECT mark FROM {prefix}events WHERE position = ?1")?,
            examined_to: prepare(&examined_to_sql())?,
            changes: prepare(CHANGES)?,
            hashes: prepare(HASHES)?,
        })
    }

    pub(super) fn end(&mut self) -> Result<FeedPosition, StoreError> {
        let end = first(&mut self.end, [], |row| rows::position(row, 0))?;
        Ok(end.unwrap_or(FeedPosition::START))
    }

    /// The same, with the mark of that event.
    pub(super) fn end_cursor(&mut self) -> Result<FeedCursor, StoreError> {
        let end = self.end()?;
        self.cursor_at(end)?.ok_or_else(|| StoreError::corrupt("a log without its last event"))
    }

    /// The position with the mark of the event there. `None`: there is no such event.
    fn cursor_at(&mut self, position: FeedPosition) -> Result<Option<FeedCursor>, StoreError> {
        if position == FeedPosition::START {
            return Ok(Some(FeedCursor::START));
        }
        let mark = first(&mut self.mark, [to_number(position)], |row| rows::mark(row, 0))?;
        Ok(mark.map(|mark| FeedCursor::new(position, mark)))
    }

    /// Whether the log has this event at this position.
    pub(super) fn is_of_this_history(&mut self, cursor: FeedCursor) -> Result<bool, StoreError> {
        Ok(self.cursor_at(cursor.position())? == Some(cursor))
    }

    pub(super) fn read(&mut self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        let end = self.end_cursor()?;
        if !self.is_of_this_history(after)? {
            return Err(StoreError::FeedLost);
        }
        let limit = limit.min(MOST_CHANGES);
        // One more than is told: that is how to know whether there are more.
        let read_ahead = i64::try_from(limit + 1).expect("the limit is at most MOST_CHANGES");
        let values = [to_number(after.position())];
        let through = first(&mut self.examined_to, values, rows::cursor)?.unwrap_or(end);
        let values = [to_number(after.position()), read_ahead, to_number(through.position())];
        let mut steps = all(&mut self.changes, values, rows::step)?;
        let is_cut = steps.len() > limit;
        steps.truncate(limit);
        let mut changes = Vec::with_capacity(steps.len());
        for Step { position, at, key, organization } in steps {
            let what = match key {
                Some(key) => Changed::Key { key, hashes: self.hashes(key, at)? },
                None => Changed::Organization(organization),
            };
            changes.push(Change { position, changed: what });
        }
        let reached = match changes.last() {
            _ if !is_cut => through,
            Some(last) => self
                .cursor_at(last.position)?
                .ok_or_else(|| StoreError::corrupt("a change without its event"))?,
            None => after,
        };
        Ok(Changes { changes, reached, complete: reached == end })
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

/// The number of events that one answer examines at most. Events of your application are no changes,
/// and there may be any number of them between two changes.
const MAX_EXAMINED_EVENTS: u32 = 50_000;

/// The last event that one answer after `?1` examines, if there may be more behind it.
pub(super) fn examined_to_sql() -> String {
    format!(
        "SELECT position, mark FROM {{prefix}}events WHERE position > ?1 \
         ORDER BY position LIMIT 1 OFFSET {}",
        MAX_EXAMINED_EVENTS - 1
    )
}

pub(super) const CHANGES: &str = "SELECT position, at, key, organization FROM {prefix}events \
     WHERE position > ?1 AND position <= ?3 AND (key IS NOT NULL OR action = 'organization.deleted') \
     ORDER BY position LIMIT ?2";

/// Left to itself, SQLite would read all the secrets that the key ever had, since they lie together.
pub(super) const HASHES: &str = "\
     SELECT hash FROM {prefix}secrets INDEXED BY {prefix}secrets_by_end \
     WHERE key = (SELECT number FROM {prefix}keys WHERE id = ?1) AND retires_at IS NULL UNION ALL \
     SELECT hash FROM {prefix}secrets INDEXED BY {prefix}secrets_by_end \
     WHERE key = (SELECT number FROM {prefix}keys WHERE id = ?1) AND retires_at > ?2";
