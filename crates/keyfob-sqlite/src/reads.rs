use keyfob_store::{
    Change, Changes, Event, EventQuery, FeedPosition, FoundKeys, KeyHash, KeyId, KeyLimit,
    KeyQuery, KeyRecord, KeyStatus, OrganizationId, Page, StoreError, Timestamp,
};
use rusqlite::{Connection, Params, Row, Statement, ToSql, params};

use crate::TablePrefix;
use crate::rows::{self, EVENT, FOUND_KEY, KEY_RECORD, SECRET_RECORD};
use crate::sqlite_error::store_error;

/// What a transaction can be asked. Every statement is prepared once for each connection.
pub(crate) struct Reads<'c> {
    /// The end of the feed, once it was read in this snapshot.
    snapshot_end: Option<FeedPosition>,
    find: Statement<'c>,
    end: Statement<'c>,
    key: Statement<'c>,
    secrets: Statement<'c>,
    list: [Statement<'c>; 5],
    slots: Statement<'c>,
    events: Statement<'c>,
    events_of_key: Statement<'c>,
    changes: Statement<'c>,
    hashes: Statement<'c>,
}

impl<'c> Reads<'c> {
    pub(crate) fn prepare(
        connection: &'c Connection,
        prefix: &TablePrefix,
    ) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| connection.prepare(&prefix.apply(sql));
        let list = |status| prepare(&list_sql(status));
        Ok(Self {
            snapshot_end: None,
            find: prepare(&format!(
                "SELECT {FOUND_KEY} FROM {{prefix}}secrets s \
                 CROSS JOIN {{prefix}}keys k ON k.id = s.key WHERE s.hash = ?1"
            ))?,
            end: prepare("SELECT max(position) FROM {prefix}events")?,
            key: prepare(&format!("SELECT {KEY_RECORD} FROM {{prefix}}keys WHERE id = ?1"))?,
            secrets: prepare(&format!(
                "SELECT {SECRET_RECORD} FROM {{prefix}}secrets WHERE key = ?1 \
                 ORDER BY generation DESC"
            ))?,
            list: [
                list(None)?,
                list(Some(KeyStatus::Active))?,
                list(Some(KeyStatus::Disabled))?,
                list(Some(KeyStatus::Expired))?,
                list(Some(KeyStatus::Revoked))?,
            ],
            slots: prepare(SLOTS)?,
            events: prepare(&events_sql(OF_ORGANIZATION))?,
            events_of_key: prepare(&events_sql(OF_KEY))?,
            changes: prepare(
                "SELECT position, key FROM {prefix}events \
                 WHERE position > ?1 AND key IS NOT NULL ORDER BY position LIMIT ?2",
            )?,
            hashes: prepare("SELECT hash FROM {prefix}secrets WHERE key = ?1 ORDER BY generation")?,
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
            .map(|hash| first(&mut self.find, [hash.as_bytes()], rows::found_key))
            .collect::<Result<_, _>>()?;
        Ok(FoundKeys { position, keys })
    }

    /// The position of the last event.
    pub(crate) fn end(&mut self) -> Result<FeedPosition, StoreError> {
        let end = first(&mut self.end, [], |row| rows::position(row, 0))?;
        Ok(end.unwrap_or(FeedPosition::START))
    }

    pub(crate) fn get(
        &mut self,
        organization: &OrganizationId,
        key: KeyId,
    ) -> Result<KeyRecord, StoreError> {
        let mut record = first(&mut self.key, [key.as_bytes()], rows::key_record)?
            .filter(|record| record.organization == *organization)
            .ok_or(StoreError::NotFound)?;
        self.add_secrets(&mut record)?;
        Ok(record)
    }

    pub(crate) fn has_key(&mut self, key: KeyId) -> Result<bool, StoreError> {
        self.key.exists([key.as_bytes()]).map_err(store_error)
    }

    pub(crate) fn has_secret(&mut self, hash: &KeyHash) -> Result<bool, StoreError> {
        self.find.exists([hash.as_bytes()]).map_err(store_error)
    }

    pub(crate) fn list(
        &mut self,
        organization: &OrganizationId,
        query: &KeyQuery,
        at: Timestamp,
    ) -> Result<Page<KeyRecord, KeyId>, StoreError> {
        let statement = &mut self.list[match query.status {
            None => 0,
            Some(KeyStatus::Active) => 1,
            Some(KeyStatus::Disabled) => 2,
            Some(KeyStatus::Expired) => 3,
            Some(KeyStatus::Revoked) => 4,
        }];
        let after = query.after.as_ref().map_or(BEHIND_ALL, |after| after.as_bytes());
        let values: [&dyn ToSql; 5] = [
            &organization.as_str(),
            &after,
            &query.environment.map(keyfob_store::Environment::as_str),
            &(i64::from(query.size.get()) + 1),
            &at.as_micros(),
        ];
        // Statements that judge by no time have one parameter less.
        let values = &values[..statement.parameter_count()];
        let mut keys = all(statement, values, rows::key_record)?;
        for key in &mut keys {
            self.add_secrets(key)?;
        }
        Ok(Page::of_read_ahead(keys, query.size, |last| last.id))
    }

    fn add_secrets(&mut self, key: &mut KeyRecord) -> Result<(), StoreError> {
        key.secrets = all(&mut self.secrets, [key.id.as_bytes()], rows::secret_record)?;
        if key.secrets.is_empty() {
            Err(StoreError::corrupt("a key without a secret"))
        } else {
            Ok(())
        }
    }

    pub(crate) fn keys_in_use(
        &mut self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.count_slots(organization, at, -1)
    }

    /// Whether the limit leaves room for one more key. It counts no further than it must.
    pub(crate) fn has_room(
        &mut self,
        organization: &OrganizationId,
        limit: KeyLimit,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let KeyLimit::AtMost(most) = limit else { return Ok(true) };
        let far_enough = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(limit.allows_another(self.count_slots(organization, at, far_enough)?))
    }

    fn count_slots(
        &mut self,
        organization: &OrganizationId,
        at: Timestamp,
        far_enough: i64,
    ) -> Result<u64, StoreError> {
        let values = params![organization.as_str(), at.as_micros(), far_enough];
        let count = first(&mut self.slots, values, |row| row.get(0).map_err(store_error))?;
        Ok(count.and_then(|count: i64| u64::try_from(count).ok()).unwrap_or(0))
    }

    pub(crate) fn events(
        &mut self,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        let statement =
            if query.key.is_some() { &mut self.events_of_key } else { &mut self.events };
        let values = params![
            organization.as_str(),
            query.after.map_or(i64::MAX, to_number),
            query.key.as_ref().map(KeyId::as_bytes),
            query.actor.as_ref().map(keyfob_store::Actor::as_str),
            query.action.as_ref().map(keyfob_store::Action::as_str),
            i64::from(query.size.get()) + 1,
        ];
        let events = all(statement, values, rows::event)?;
        Ok(Page::of_read_ahead(events, query.size, |last| last.position))
    }

    pub(crate) fn changes(
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
        let mut steps = all(&mut self.changes, [to_number(after), read_ahead], |row| {
            Ok((rows::position(row, 0)?, rows::key_id(row, 1, "events.key")?))
        })?;
        let complete = steps.len() <= limit;
        steps.truncate(limit);
        let mut changes = Vec::with_capacity(steps.len());
        for (position, key) in steps {
            let hashes = all(&mut self.hashes, [key.as_bytes()], |row| rows::key_hash(row, 0))?;
            changes.push(Change { position, key, hashes });
        }
        let told = changes.last().map_or(after, |change| change.position);
        Ok(Changes { changes, reached: if complete { end } else { told }, complete })
    }
}

/// Longer than any id, so it sorts behind them all.
const BEHIND_ALL: &[u8] = &[0xff; 17];

/// However many changes are asked for, one answer holds no more.
const MOST_CHANGES: usize = 10_000;

/// Keys that hold a slot: those that never expire, and those that have yet to. Both are ranges of
/// one index, and neither is followed further than `?3`.
const SLOTS: &str = "SELECT \
     (SELECT count(*) FROM (SELECT 1 FROM {prefix}keys \
         WHERE organization = ?1 AND revoked_at IS NULL AND expires_at IS NULL LIMIT ?3)) \
   + (SELECT count(*) FROM (SELECT 1 FROM {prefix}keys \
         WHERE organization = ?1 AND revoked_at IS NULL AND expires_at > ?2 LIMIT ?3))";

/// The filter is written out for each status, because SQLite uses a partial index only where the
/// text of the query implies the index's own condition.
fn list_sql(status: Option<KeyStatus>) -> String {
    let filter = match status {
        None => "",
        Some(KeyStatus::Active) => {
            "AND revoked_at IS NULL AND disabled = 0 AND (expires_at IS NULL OR expires_at > ?5)"
        }
        Some(KeyStatus::Disabled) => {
            "AND revoked_at IS NULL AND disabled = 1 AND (expires_at IS NULL OR expires_at > ?5)"
        }
        Some(KeyStatus::Expired) => "AND revoked_at IS NULL AND +expires_at <= ?5",
        Some(KeyStatus::Revoked) => "AND revoked_at IS NOT NULL",
    };
    format!(
        "SELECT {KEY_RECORD} FROM {{prefix}}keys \
         WHERE organization = ?1 AND id < ?2 AND (?3 IS NULL OR environment = ?3) {filter} \
         ORDER BY id DESC LIMIT ?4"
    )
}

const OF_ORGANIZATION: &str = "organization = ?1 AND ?3 IS NULL";

/// The plus keeps SQLite from the other index: a key has fewer events than its organization.
const OF_KEY: &str = "key = ?3 AND +organization = ?1";

fn events_sql(whose: &str) -> String {
    format!(
        "SELECT {EVENT} FROM {{prefix}}events WHERE {whose} AND position < ?2 \
         AND (?4 IS NULL OR actor = ?4) AND (?5 IS NULL OR action = ?5) \
         ORDER BY position DESC LIMIT ?6"
    )
}

/// A position as SQLite counts. What is beyond its numbers is beyond every event.
fn to_number(position: FeedPosition) -> i64 {
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
mod tests {
    use super::*;
    use crate::Migration;

    /// How SQLite goes about a query, one step a line.
    fn plan(sql: &str) -> String {
        let prefix = TablePrefix::default();
        let connection = Connection::open_in_memory().unwrap();
        for migration in Migration::all() {
            connection.execute_batch(&migration.sql(&prefix)).unwrap();
        }
        let mut statement =
            connection.prepare(&format!("EXPLAIN QUERY PLAN {}", prefix.apply(sql))).unwrap();
        // Raw, because a plan needs no values.
        let steps = statement.raw_query().mapped(|row| row.get(3));
        steps.collect::<Result<Vec<String>, _>>().unwrap().join("\n")
    }

    #[test]
    fn no_query_reads_more_than_it_must() {
        for (sql, index) in [
            (list_sql(None), "keys_by_organization (organization=? AND id<?)"),
            (list_sql(Some(KeyStatus::Active)), "keys_unrevoked (organization=? AND id<?)"),
            (list_sql(Some(KeyStatus::Disabled)), "keys_unrevoked (organization=? AND id<?)"),
            (list_sql(Some(KeyStatus::Expired)), "keys_unrevoked (organization=? AND id<?)"),
            (list_sql(Some(KeyStatus::Revoked)), "keys_by_organization (organization=? AND id<?)"),
            (SLOTS.to_owned(), "keys_slots (organization=? AND expires_at>?)"),
            (events_sql(OF_ORGANIZATION), "events_by_organization (organization=? AND rowid<?)"),
            (events_sql(OF_KEY), "events_by_key (key=? AND rowid<?)"),
        ] {
            let plan = plan(&sql);
            assert!(plan.contains(index), "{sql}\n{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
        }
    }
}
