//! Rows become records by way of the checks that made them. What does not pass was not written by
//! keyfob, and is an error that names the column and shows nothing of the value.

use std::time::Duration;

use keyfob_store::{
    Action, Details, Event, FeedCursor, FeedPosition, FoundKey, FoundState, Hour, KeyHash, KeyId,
    KeyRecord, KeyState, NodeId, NodeReport, OrganizationId, Outcome, Revocation, ScopeNames,
    SecretRecord, StoreError, Timestamp, UsageRow,
};
use rusqlite::Row;
use rusqlite::types::ValueRef;

/// The columns of [`found_key`], of the tables `s` (secrets) and `k` (keys).
pub(crate) const FOUND_KEY: &str = "k.id, k.organization, k.environment, k.scopes, k.disabled, \
     k.revoked_at, k.expires_at, s.retires_at, s.generation";

/// Of [`FOUND_KEY`], with whether the key's organization was deleted in the column behind.
pub(crate) fn found_key(row: &Row<'_>) -> Result<FoundKey, StoreError> {
    Ok(FoundKey {
        id: key_id(row, 0, "keys.id")?,
        organization: parsed(row, 1, "keys.organization", str::parse)?,
        environment: parsed(row, 2, "keys.environment", str::parse)?,
        scopes: parsed(row, 3, "keys.scopes", ScopeNames::parse)?,
        state: if flag(row, 9, "keys.epoch")? {
            FoundState::OrganizationDeleted
        } else if time(row, 5, "keys.revoked_at")?.is_some() {
            FoundState::Revoked
        } else if flag(row, 4, "keys.disabled")? {
            FoundState::Disabled
        } else {
            FoundState::Active
        },
        expires_at: time(row, 6, "keys.expires_at")?,
        secret: number(row, 8, "secrets.generation")?,
        retires_at: time(row, 7, "secrets.retires_at")?,
    })
}

/// A key without its secrets, and the number by which they are found.
pub(crate) struct NumberedKey {
    pub(crate) number: i64,
    pub(crate) record: KeyRecord,
}

/// The columns of [`numbered_key`], of the table of keys.
pub(crate) const NUMBERED_KEY: &str = "id, organization, name, environment, scopes, disabled, \
     revoked_at, revoked_by, revoked_reason, created_at, created_by, expires_at, number";

pub(crate) fn numbered_key(row: &Row<'_>) -> Result<NumberedKey, StoreError> {
    let revoked_at = time(row, 6, "keys.revoked_at")?;
    let record = KeyRecord {
        id: key_id(row, 0, "keys.id")?,
        organization: parsed(row, 1, "keys.organization", str::parse)?,
        name: parsed(row, 2, "keys.name", str::parse)?,
        environment: parsed(row, 3, "keys.environment", str::parse)?,
        scopes: parsed(row, 4, "keys.scopes", ScopeNames::parse)?,
        state: match (revoked_at, flag(row, 5, "keys.disabled")?) {
            (Some(at), _) => KeyState::Revoked(Revocation {
                at,
                by: parsed(row, 7, "keys.revoked_by", str::parse)?,
                reason: optional(row, 8, "keys.revoked_reason", str::parse)?,
            }),
            (None, true) => KeyState::Disabled,
            (None, false) => KeyState::Active,
        },
        created_at: some(time(row, 9, "keys.created_at")?, "keys.created_at")?,
        created_by: parsed(row, 10, "keys.created_by", str::parse)?,
        expires_at: time(row, 11, "keys.expires_at")?,
        secrets: Vec::new(),
    };
    Ok(NumberedKey { number: number(row, 12, "keys.number")?, record })
}

/// The columns of [`secret_record`], of the tables `s` (secrets) and `u` (last uses).
pub(crate) const SECRET_RECORD: &str =
    "s.hash, s.hint, s.created_at, s.retires_at, u.at, s.generation";

pub(crate) fn secret_record(row: &Row<'_>) -> Result<SecretRecord, StoreError> {
    Ok(SecretRecord {
        generation: number(row, 5, "secrets.generation")?,
        hash: key_hash(row, 0)?,
        hint: parsed(row, 1, "secrets.hint", str::parse)?,
        created_at: some(time(row, 2, "secrets.created_at")?, "secrets.created_at")?,
        retires_at: time(row, 3, "secrets.retires_at")?,
        last_used_at: time(row, 4, "last_uses.at")?,
    })
}

/// The columns of [`event`], of the table of events.
pub(crate) const EVENT: &str =
    "position, at, organization, action, actor, key, request_id, details";

pub(crate) fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    Ok(Event {
        position: position(row, 0)?,
        at: some(time(row, 1, "events.at")?, "events.at")?,
        organization: parsed(row, 2, "events.organization", str::parse)?,
        action: parsed(row, 3, "events.action", Action::from_stored)?,
        actor: parsed(row, 4, "events.actor", str::parse)?,
        key: optional_key_id(row, 5, "events.key")?,
        request_id: optional(row, 6, "events.request_id", str::parse)?,
        details: parsed(row, 7, "events.details", |text| serde_json::from_str::<Details>(text))?,
    })
}

/// An event as far as the feed needs it.
pub(crate) struct Step {
    pub(crate) position: FeedPosition,
    pub(crate) at: Timestamp,
    pub(crate) key: Option<KeyId>,
    pub(crate) organization: OrganizationId,
}

/// Of the columns `position, at, key, organization` of the table of events.
pub(crate) fn step(row: &Row<'_>) -> Result<Step, StoreError> {
    Ok(Step {
        position: position(row, 0)?,
        at: some(time(row, 1, "events.at")?, "events.at")?,
        key: optional_key_id(row, 2, "events.key")?,
        organization: parsed(row, 3, "events.organization", str::parse)?,
    })
}

/// The columns of [`usage_row`], of the table `u` (usage).
pub(crate) const USAGE_ROW: &str = "u.key, u.secret, u.hour, u.outcome, u.count";

pub(crate) fn usage_row(row: &Row<'_>) -> Result<UsageRow, StoreError> {
    let outcome = |word: &str| Outcome::from_stored(word).ok_or(());
    Ok(UsageRow {
        key: key_id(row, 0, "usage.key")?,
        secret: number(row, 1, "usage.secret")?,
        hour: Hour::from_number(number(row, 2, "usage.hour")?),
        outcome: parsed(row, 3, "usage.outcome", outcome)?,
        count: number(row, 4, "usage.count")?,
    })
}

/// The columns of [`node_report`], of the table of nodes.
pub(crate) const NODE_REPORT: &str =
    "id, name, started_at, reported_at, position, staleness_bound, report_interval, mark";

pub(crate) fn node_report(row: &Row<'_>) -> Result<NodeReport, StoreError> {
    let span = |column, name| number(row, column, name).map(Duration::from_micros);
    Ok(NodeReport {
        id: NodeId::from_bytes(bytes(row, 0, "nodes.id")?),
        name: parsed(row, 1, "nodes.name", str::parse)?,
        started_at: some(time(row, 2, "nodes.started_at")?, "nodes.started_at")?,
        reported_at: some(time(row, 3, "nodes.reported_at")?, "nodes.reported_at")?,
        cursor: FeedCursor::new(
            FeedPosition::new(number(row, 4, "nodes.position")?),
            mark(row, 7)?,
        ),
        staleness_bound: span(5, "nodes.staleness_bound")?,
        interval: span(6, "nodes.report_interval")?,
    })
}

/// A position of the feed, or its start for null.
pub(crate) fn position(row: &Row<'_>, column: usize) -> Result<FeedPosition, StoreError> {
    match value(row, column)? {
        ValueRef::Null => Ok(FeedPosition::START),
        ValueRef::Integer(position) => {
            u64::try_from(position).map(FeedPosition::new).map_err(|_| corrupt("events.position"))
        }
        _ => Err(corrupt("events.position")),
    }
}

/// The cursor of the columns `position, mark` of the table of events.
pub(crate) fn cursor(row: &Row<'_>) -> Result<FeedCursor, StoreError> {
    Ok(FeedCursor::new(position(row, 0)?, mark(row, 1)?))
}

/// The mark of an event. SQLite's numbers have a sign, and a mark has none.
pub(crate) fn mark(row: &Row<'_>, column: usize) -> Result<u128, StoreError> {
    match value(row, column)? {
        ValueRef::Integer(mark) => Ok(mark.cast_unsigned().into()),
        _ => Err(corrupt("mark")),
    }
}

/// The mark of a cursor of this store, as [`mark`] reads it.
#[expect(clippy::cast_possible_truncation, reason = "the marks of this store have 64 bits")]
pub(crate) fn mark_to_number(cursor: FeedCursor) -> i64 {
    (cursor.mark() as u64).cast_signed()
}

pub(crate) fn key_id(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
) -> Result<KeyId, StoreError> {
    bytes(row, column, name).map(KeyId::from_bytes)
}

fn optional_key_id(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
) -> Result<Option<KeyId>, StoreError> {
    match value(row, column)? {
        ValueRef::Null => Ok(None),
        _ => key_id(row, column, name).map(Some),
    }
}

pub(crate) fn key_hash(row: &Row<'_>, column: usize) -> Result<KeyHash, StoreError> {
    bytes(row, column, "secrets.hash").map(KeyHash::from_bytes)
}

pub(crate) fn bytes<const N: usize>(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
) -> Result<[u8; N], StoreError> {
    match value(row, column)? {
        ValueRef::Blob(bytes) => bytes.try_into().map_err(|_| corrupt(name)),
        _ => Err(corrupt(name)),
    }
}

pub(crate) fn time(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
) -> Result<Option<Timestamp>, StoreError> {
    match value(row, column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(micros) => Ok(Some(Timestamp::from_micros(micros))),
        _ => Err(corrupt(name)),
    }
}

pub(crate) fn some<T>(value: Option<T>, name: &'static str) -> Result<T, StoreError> {
    value.ok_or_else(|| corrupt(name))
}

fn number<N: TryFrom<i64>>(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
) -> Result<N, StoreError> {
    match value(row, column)? {
        ValueRef::Integer(number) => number.try_into().map_err(|_| corrupt(name)),
        _ => Err(corrupt(name)),
    }
}

fn flag(row: &Row<'_>, column: usize, name: &'static str) -> Result<bool, StoreError> {
    match value(row, column)? {
        ValueRef::Integer(flag @ 0..=1) => Ok(flag == 1),
        _ => Err(corrupt(name)),
    }
}

fn parsed<T, E>(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    some(optional(row, column, name, parse)?, name)
}

fn optional<T, E>(
    row: &Row<'_>,
    column: usize,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    match value(row, column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| corrupt(name))?;
            parse(text).map(Some).map_err(|_| corrupt(name))
        }
        _ => Err(corrupt(name)),
    }
}

fn value<'row>(row: &'row Row<'_>, column: usize) -> Result<ValueRef<'row>, StoreError> {
    row.get_ref(column).map_err(crate::sqlite_error::store_error)
}

fn corrupt(column: &'static str) -> StoreError {
    StoreError::corrupt(format!("a value of {column} that keyfob does not write"))
}
