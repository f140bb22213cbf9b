use keyfob_store::{
    Changes, DamagedRecord, Event, EventQuery, FeedCursor, FeedPosition, FoundKeys, KeyHash, KeyId,
    KeyLimit, KeyQuery, KeyRecord, NodeReport, OrganizationId, Page, StoreError, Timestamp,
    UsageQuery, UsageRow,
};
use rusqlite::{Connection, Params, Row, Statement, params};

use crate::TablePrefix;
use crate::rows::{self, FOUND_KEY, NODE_REPORT, NUMBERED_KEY, NumberedKey, SECRET_RECORD};
use crate::sqlite_error::store_error;

mod feed;
mod lists;
mod log;
mod slots;
mod usage;

use feed::Feed;
use lists::Lists;
use log::Log;
use slots::Slots;
use usage::Usage;

/// What a transaction can be asked. Every statement is prepared once for each connection.
pub(crate) struct Reads<'c> {
    /// The end of the feed, once it was read in this snapshot.
    snapshot_end: Option<FeedPosition>,
    find: Statement<'c>,
    key: Statement<'c>,
    has_key: Statement<'c>,
    secrets: Statement<'c>,
    lists: Lists<'c>,
    slots: Slots<'c>,
    log: Log<'c>,
    feed: Feed<'c>,
    usage: Usage<'c>,
    nodes: Statement<'c>,
}

impl<'c> Reads<'c> {
    pub(crate) fn prepare(
        connection: &'c Connection,
        prefix: &TablePrefix,
    ) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| connection.prepare(&prefix.apply(sql));
        Ok(Self {
            snapshot_end: None,
            find: prepare(&find_sql())?,
            key: prepare(&key_sql())?,
            has_key: prepare("SELECT 1 FROM {prefix}keys WHERE id = ?1")?,
            secrets: prepare(&secrets_sql())?,
            lists: Lists::prepare(prepare)?,
            slots: Slots::prepare(prepare)?,
            log: Log::prepare(prepare)?,
            feed: Feed::prepare(prepare)?,
            usage: Usage::prepare(prepare)?,
            nodes: prepare(&nodes_sql())?,
        })
    }

    /// From here on another snapshot is read: what is remembered of the last one is too old.
    pub(crate) fn begin_snapshot(&mut self) {
        self.snapshot_end = None;
    }

    /// Of many lookups in one snapshot, the first reads for all where the feed ends. Whoever writes
    /// asks for [`end`](Self::end), which its own writes move.
    pub(crate) fn find(&mut self, hashes: &[KeyHash]) -> Result<FoundKeys, StoreError> {
        let position = match self.snapshot_end {
            Some(end) => end,
            None => self.end()?,
        };
        self.snapshot_end = Some(position);
        let keys = hashes
            .iter()
            .map(|hash| match first(&mut self.find, [hash.as_bytes()], rows::found_key) {
                Ok(found) => Ok(Ok(found)),
                Err(error) => DamagedRecord::of(error).map(Err),
            })
            .collect::<Result<_, _>>()?;
        Ok(FoundKeys { position, keys })
    }

    pub(crate) fn get(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        let values = params![organization.as_str(), key.as_bytes()];
        let key = first(&mut self.key, values, rows::numbered_key)?.ok_or(StoreError::NotFound)?;
        self.with_secrets(key)
    }

    /// Whether there is such a key, of whichever organization.
    pub(crate) fn has_key(&mut self, key: KeyId) -> Result<bool, StoreError> {
        self.has_key.exists([key.as_bytes()]).map_err(store_error)
    }

    /// Whether there is such a secret, of whichever organization.
    pub(crate) fn has_secret(&mut self, hash: &KeyHash) -> Result<bool, StoreError> {
        self.find.exists([hash.as_bytes()]).map_err(store_error)
    }

    pub(crate) fn list(
        &mut self,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        let (keys, examined_to) = self.lists.read(organization, query, at)?;
        let keys = keys.into_iter().map(|key| self.with_secrets(key)).collect::<Result<_, _>>()?;
        Ok(Page::of_examined(keys, query.size, |last| last.id, examined_to))
    }

    fn with_secrets(&mut self, key: NumberedKey) -> Result<KeyRecord, StoreError> {
        let NumberedKey { number, mut record } = key;
        let values = params![number, record.id.as_bytes()];
        record.secrets = all(&mut self.secrets, values, rows::secret_record)?;
        if record.secrets.is_empty() {
            Err(StoreError::corrupt("a key without a secret"))
        } else {
            Ok(record)
        }
    }

    pub(crate) fn keys_in_use(
        &mut self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.slots.count(organization, at, u64::MAX)
    }

    /// As far as the limit needs to know: it counts no further than there.
    pub(crate) fn keys_in_use_within(
        &mut self,
        limit: KeyLimit,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        match limit {
            KeyLimit::AtMost(most) => self.slots.count(organization, at, most),
            KeyLimit::Unlimited => Ok(0),
        }
    }

    pub(crate) fn usage(
        &mut self,
        organization: &OrganizationId,
        query: &UsageQuery,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.usage.read(organization, query)
    }

    pub(crate) fn events(
        &mut self,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        self.log.read(organization, query)
    }

    /// The position of the last event.
    pub(crate) fn end(&mut self) -> Result<FeedPosition, StoreError> {
        self.feed.end()
    }

    /// The same, with the mark of the event there.
    pub(crate) fn end_cursor(&mut self) -> Result<FeedCursor, StoreError> {
        self.feed.end_cursor()
    }

    pub(crate) fn is_of_this_history(&mut self, cursor: FeedCursor) -> Result<bool, StoreError> {
        self.feed.is_of_this_history(cursor)
    }

    pub(crate) fn changes(
        &mut self,
        after: FeedCursor,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        self.feed.read(after, limit)
    }

    pub(crate) fn nodes(&mut self) -> Result<Vec<NodeReport>, StoreError> {
        all(&mut self.nodes, [], rows::node_report)
    }
}

/// The epoch of the organization `?1`: what bears another is of one that was deleted.
pub(crate) const EPOCH: &str =
    "coalesce((SELECT epoch FROM {prefix}organizations WHERE organization = ?1), 0)";

fn find_sql() -> String {
    format!(
        "SELECT {FOUND_KEY}, k.epoch <> coalesce((SELECT o.epoch FROM {{prefix}}organizations o \
         WHERE o.organization = k.organization), 0) FROM {{prefix}}secrets s \
         CROSS JOIN {{prefix}}keys k ON k.number = s.key WHERE s.hash = ?1"
    )
}

fn key_sql() -> String {
    format!(
        "SELECT {NUMBERED_KEY} FROM {{prefix}}keys \
         WHERE id = ?2 AND +organization = ?1 AND +epoch = {EPOCH}"
    )
}

/// The secret in use, and the one before it, of the key of number `?1` and id `?2`.
fn secrets_sql() -> String {
    format!(
        "SELECT {SECRET_RECORD} FROM {{prefix}}secrets s \
         LEFT JOIN {{prefix}}last_uses u ON u.key = ?2 AND u.secret = s.generation \
         WHERE s.key = ?1 ORDER BY s.generation DESC LIMIT 2"
    )
}

fn nodes_sql() -> String {
    format!("SELECT {NODE_REPORT} FROM {{prefix}}nodes ORDER BY id")
}

/// A position as SQLite counts. What is beyond its numbers is beyond every event.
pub(crate) fn to_number(position: FeedPosition) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

fn first<T>(
    statement: &mut Statement<'_>,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut rows = statement.query(values).map_err(store_error)?;
    rows.next().map_err(store_error)?.map(read).transpose()
}

fn all<T>(
    statement: &mut Statement<'_>,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut rows = statement.query(values).map_err(store_error)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(store_error)? {
        records.push(read(row)?);
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
