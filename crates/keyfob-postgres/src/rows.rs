//! Rows become records by way of the checks that made them. What does not pass was not written by
//! keyfob, and is an error that names the column and shows nothing of the value.

use std::time::Duration;

use keyfob_store::{
    Action, Details, Event, FeedCursor, FeedPosition, FoundKey, FoundState, Hour, KeyHash, KeyId,
    KeyRecord, KeyState, NodeId, NodeReport, OrganizationId, Outcome, Revocation, ScopeNames,
    SecretRecord, StoreError, Timestamp, UsageRow,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

/// Of the columns that the schema's function `find` tells, those from the key's id on.
pub(crate) fn found_key(row: &Row, from: usize) -> Result<FoundKey, StoreError> {
    Ok(FoundKey {
        id: key_id(row, from)?,
        organization: parsed(row, from + 1, "keys.organization", str::parse)?,
        environment: parsed(row, from + 2, "keys.environment", str::parse)?,
        scopes: parsed(row, from + 3, "keys.scopes", ScopeNames::parse)?,
        state: if get::<bool>(row, from + 9)? {
            FoundState::OrganizationDeleted
        } else if time(row, from + 5)?.is_some() {
            FoundState::Revoked
        } else if get::<bool>(row, from + 4)? {
            FoundState::Disabled
        } else {
            FoundState::Active
        },
        expires_at: time(row, from + 6)?,
        secret: number(row, from + 8, "secrets.generation")?,
        retires_at: time(row, from + 7)?,
    })
}

/// The columns of [`key_record`], of the table `k` (keys).
pub(crate) const KEY_RECORD: &str = "k.id, k.organization, k.name, k.environment, k.scopes, k.disabled, \
     k.revoked_at, k.revoked_by, k.revoked_reason, k.created_at, k.created_by, k.expires_at";

/// How many [`KEY_RECORD`] are: where the columns of a secret begin.
pub(crate) const SECRET_FROM: usize = 12;

/// A key without its secrets.
fn key_record(row: &Row) -> Result<KeyRecord, StoreError> {
    let revoked_at = time(row, 6)?;
    Ok(KeyRecord {
        id: key_id(row, 0)?,
        organization: parsed(row, 1, "keys.organization", str::parse)?,
        name: parsed(row, 2, "keys.name", str::parse)?,
        environment: parsed(row, 3, "keys.environment", str::parse)?,
        scopes: parsed(row, 4, "keys.scopes", ScopeNames::parse)?,
        state: match (revoked_at, get::<bool>(row, 5)?) {
            (Some(at), _) => KeyState::Revoked(Revocation {
                at,
                by: parsed(row, 7, "keys.revoked_by", str::parse)?,
                reason: optional(row, 8, "keys.revoked_reason", str::parse)?,
            }),
            (None, true) => KeyState::Disabled,
            (None, false) => KeyState::Active,
        },
        created_at: Timestamp::from_micros(get(row, 9)?),
        created_by: parsed(row, 10, "keys.created_by", str::parse)?,
        expires_at: time(row, 11)?,
        secrets: Vec::new(),
    })
}

/// The columns of [`secret_record`], of the tables `s` (secrets) and `u` (last uses).
pub(crate) const SECRET_RECORD: &str =
    "s.hash, s.hint, s.created_at, s.retires_at, u.at AS used_at, s.generation";

fn secret_record(row: &Row) -> Result<SecretRecord, StoreError> {
    let from = SECRET_FROM;
    Ok(SecretRecord {
        generation: number(row, from + 5, "secrets.generation")?,
        hash: key_hash(get(row, from)?)?,
        hint: parsed(row, from + 1, "secrets.hint", str::parse)?,
        created_at: Timestamp::from_micros(get(row, from + 2)?),
        retires_at: time(row, from + 3)?,
        last_used_at: time(row, from + 4)?,
    })
}

/// Keys with their secrets, of rows that have [`KEY_RECORD`] and [`SECRET_RECORD`], all those of a key one
/// behind the other.
pub(crate) fn key_records(rows: &[Row]) -> Result<Vec<KeyRecord>, StoreError> {
    let mut records: Vec<KeyRecord> = Vec::new();
    for row in rows {
        let id = key_id(row, 0)?;
        if records.last().is_none_or(|last| last.id != id) {
            records.push(key_record(row)?);
        }
        if get::<Option<&[u8]>>(row, SECRET_FROM)?.is_none() {
            return Err(StoreError::corrupt("a key without a secret"));
        }
        let secret = secret_record(row)?;
        records.last_mut().expect("one was just added").secrets.push(secret);
    }
    Ok(records)
}

/// The columns of [`event`], of the table of events.
pub(crate) const EVENT: &str =
    "position, at, organization, action, actor, key, request_id, details";

pub(crate) fn event(row: &Row) -> Result<Event, StoreError> {
    Ok(Event {
        position: position(row, 0)?,
        at: Timestamp::from_micros(get(row, 1)?),
        organization: parsed(row, 2, "events.organization", str::parse)?,
        action: parsed(row, 3, "events.action", Action::from_stored)?,
        actor: parsed(row, 4, "events.actor", str::parse)?,
        key: optional_key_id(row, 5)?,
        request_id: optional(row, 6, "events.request_id", str::parse)?,
        details: parsed(row, 7, "events.details", |text| serde_json::from_str::<Details>(text))?,
    })
}

/// The columns of [`usage_row`], of the table `u` (usage).
pub(crate) const USAGE_ROW: &str = "u.key, u.secret, u.hour, u.outcome, u.count";

pub(crate) fn usage_row(row: &Row) -> Result<UsageRow, StoreError> {
    let outcome = |word: &str| Outcome::from_stored(word).ok_or(());
    Ok(UsageRow {
        key: key_id(row, 0)?,
        secret: number(row, 1, "usage.secret")?,
        hour: Hour::from_number(get(row, 2)?),
        outcome: parsed(row, 3, "usage.outcome", outcome)?,
        count: number(row, 4, "usage.count")?,
    })
}

/// The columns of [`node_report`], of the table of nodes.
pub(crate) const NODE_REPORT: &str =
    "id, name, started_at, reported_at, position, staleness_bound, report_interval, tag";

pub(crate) fn node_report(row: &Row) -> Result<NodeReport, StoreError> {
    let span = |column, name| number(row, column, name).map(Duration::from_micros);
    Ok(NodeReport {
        id: NodeId::from_bytes(get::<Uuid>(row, 0)?.into_bytes()),
        name: parsed(row, 1, "nodes.name", str::parse)?,
        started_at: Timestamp::from_micros(get(row, 2)?),
        reported_at: Timestamp::from_micros(get(row, 3)?),
        cursor: FeedCursor::new(position(row, 4)?, tag(row, 7)?),
        staleness_bound: span(5, "nodes.staleness_bound")?,
        interval: span(6, "nodes.report_interval")?,
    })
}

/// A position and the tag of the event there, in two columns that are null before the first event.
pub(crate) fn cursor(row: &Row, column: usize) -> Result<FeedCursor, StoreError> {
    if get::<Option<i64>>(row, column)?.is_none() {
        return Ok(FeedCursor::START);
    }
    Ok(FeedCursor::new(position(row, column)?, tag(row, column + 1)?))
}

/// The tag of an event as the mark of a cursor: 0 for null, where there is no event.
pub(crate) fn tag(row: &Row, column: usize) -> Result<u128, StoreError> {
    Ok(get::<Option<Uuid>>(row, column)?.map_or(0, |tag| tag.as_u128()))
}

pub(crate) fn position(row: &Row, column: usize) -> Result<FeedPosition, StoreError> {
    number(row, column, "events.position").map(FeedPosition::new)
}

pub(crate) fn key_id(row: &Row, column: usize) -> Result<KeyId, StoreError> {
    get::<Uuid>(row, column).map(|id| KeyId::from_bytes(id.into_bytes()))
}

pub(crate) fn optional_key_id(row: &Row, column: usize) -> Result<Option<KeyId>, StoreError> {
    Ok(get::<Option<Uuid>>(row, column)?.map(|id| KeyId::from_bytes(id.into_bytes())))
}

pub(crate) fn key_hash(bytes: &[u8]) -> Result<KeyHash, StoreError> {
    bytes.try_into().map(KeyHash::from_bytes).map_err(|_| corrupt("secrets.hash"))
}

pub(crate) fn organization(row: &Row, column: usize) -> Result<OrganizationId, StoreError> {
    parsed(row, column, "organization", str::parse)
}

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_micros))
}

pub(crate) fn number<N: TryFrom<i64>>(
    row: &Row,
    column: usize,
    name: &'static str,
) -> Result<N, StoreError> {
    get::<i64>(row, column)?.try_into().map_err(|_| corrupt(name))
}

pub(crate) fn parsed<T, E>(
    row: &Row,
    column: usize,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    optional(row, column, name, parse)?.ok_or_else(|| corrupt(name))
}

fn optional<T, E>(
    row: &Row,
    column: usize,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = get(row, column)?;
    text.map(|text| parse(text).map_err(|_| corrupt(name))).transpose()
}

/// The value of a column, if it is of the type that keyfob gave it.
pub(crate) fn get<'row, T: FromSql<'row>>(row: &'row Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|_| {
        let name = row.columns().get(column).map_or("a row", tokio_postgres::Column::name);
        StoreError::corrupt(format!("a value of {name} of a type that keyfob does not write"))
    })
}

fn corrupt(column: &'static str) -> StoreError {
    StoreError::corrupt(format!("a value of {column} that keyfob does not write"))
}
