//! Takes the lock and reads all that the requests of a transaction name, in one round trip. Each statement is a
//! function of the schema: the migration that creates it tells what it does.

use std::collections::{HashMap, HashSet};

use keyfob_store::{KeyHash, KeyId, KeyRecord, OrganizationId, StoreError, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::needs::{Needs, SlotsNeed};
use super::slots::Slots;
use super::working_set::{DAY, KnownKey, KnownToken, WorkingSet};
use crate::SchemaName;
use crate::pipeline::Step;
use crate::reads::uuid;
use crate::rows::{self, SECRET_FROM};

/// The statements that read.
pub(crate) struct Load {
    lock: String,
    epochs: String,
    keys: String,
    hashes: String,
    tokens: String,
    slots: String,
}

/// The values of those statements, in the shape that they are sent in.
#[derive(Default)]
pub(crate) struct Named<'n> {
    organizations: Vec<&'n str>,
    keys: Vec<Uuid>,
    since: i64,
    hashes: Vec<&'n [u8]>,
    token_organizations: Vec<&'n str>,
    tokens: Vec<&'n str>,
    slots: Vec<(&'n OrganizationId, SlotsNeed)>,
    slot_organizations: Vec<&'n str>,
    slot_from: Vec<i64>,
    slot_to: Vec<i64>,
    slot_most: Vec<i64>,
}

impl<'n> Named<'n> {
    /// Of so many requests, each of which may free a slot.
    pub(crate) fn new(needs: &'n Needs, requests: usize) -> Self {
        let mut named = Self {
            organizations: needs.organizations.iter().map(OrganizationId::as_str).collect(),
            keys: needs.keys.iter().map(|key| uuid(*key)).collect(),
            since: needs.since.map_or(i64::MAX, |at| at.as_micros().saturating_sub(DAY)),
            hashes: needs.hashes.iter().map(|hash| &hash.as_bytes()[..]).collect(),
            ..Self::default()
        };
        for (organization, token) in &needs.tokens {
            named.token_organizations.push(organization.as_str());
            named.tokens.push(token.as_str());
        }
        for (organization, need) in &needs.slots {
            named.slots.push((organization, *need));
            named.slot_organizations.push(organization.as_str());
            named.slot_from.push(need.from.as_micros());
            named.slot_to.push(need.to.as_micros());
            let most = need.most.saturating_add(requests as u64);
            named.slot_most.push(i64::try_from(most).unwrap_or(i64::MAX));
        }
        named
    }
}

impl Load {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self {
            lock: schema.apply("SELECT {schema}.lock_head()"),
            epochs: schema.apply("SELECT * FROM {schema}.named_epochs($1)"),
            keys: schema.apply("SELECT * FROM {schema}.named_keys($1, $2, $3, $4)"),
            hashes: schema.apply("SELECT * FROM {schema}.named_hashes($1)"),
            tokens: schema.apply("SELECT * FROM {schema}.named_tokens($1, $2)"),
            slots: schema.apply("SELECT * FROM {schema}.named_slots($1, $2, $3, $4)"),
        }
    }

    /// What is sent behind the statement that begins. The first takes the lock. Each of the others begins when the
    /// lock is had, and sees all that committed before: that is what READ COMMITTED means.
    pub(crate) fn steps<'s>(&'s self, named: &'s Named<'s>) -> Vec<Step<'s>> {
        let mut steps = vec![Step::Statement(&self.lock, Vec::new())];
        if !named.organizations.is_empty() {
            let values = vec![(&named.organizations as _, Type::TEXT_ARRAY)];
            steps.push(Step::Statement(&self.epochs, values));
        }
        if !named.keys.is_empty() {
            let values = vec![
                (&named.keys as _, Type::UUID_ARRAY),
                (&named.token_organizations as _, Type::TEXT_ARRAY),
                (&named.tokens as _, Type::TEXT_ARRAY),
                (&named.since as _, Type::INT8),
            ];
            steps.push(Step::Statement(&self.keys, values));
        }
        if !named.hashes.is_empty() {
            let values = vec![(&named.hashes as _, Type::BYTEA_ARRAY)];
            steps.push(Step::Statement(&self.hashes, values));
        }
        if !named.tokens.is_empty() {
            let values = vec![
                (&named.token_organizations as _, Type::TEXT_ARRAY),
                (&named.tokens as _, Type::TEXT_ARRAY),
            ];
            steps.push(Step::Statement(&self.tokens, values));
        }
        if !named.slots.is_empty() {
            let values = vec![
                (&named.slot_organizations as _, Type::TEXT_ARRAY),
                (&named.slot_from as _, Type::INT8_ARRAY),
                (&named.slot_to as _, Type::INT8_ARRAY),
                (&named.slot_most as _, Type::INT8_ARRAY),
            ];
            steps.push(Step::Statement(&self.slots, values));
        }
        steps
    }

    /// What the answers to those steps say.
    pub(crate) fn working_set(
        named: &Named<'_>,
        answers: Vec<Vec<Row>>,
    ) -> Result<WorkingSet, StoreError> {
        let mut answers = answers.into_iter();
        let mut next = |is_asked: bool| {
            if is_asked { answers.next().unwrap_or_default() } else { Vec::new() }
        };
        let end = next(true);
        let end = end.first().ok_or_else(|| StoreError::corrupt("a log without an end"))?;
        Ok(WorkingSet {
            end: rows::get(end, 0)?,
            epochs: epochs(&next(!named.organizations.is_empty()))?,
            keys: keys(&next(!named.keys.is_empty()))?,
            hashes: hashes(&next(!named.hashes.is_empty()))?,
            tokens: tokens(&next(!named.tokens.is_empty()))?,
            slots: slots(&named.slots, &next(!named.slots.is_empty()))?,
            ..WorkingSet::default()
        })
    }
}

fn epochs(rows: &[Row]) -> Result<HashMap<OrganizationId, i64>, StoreError> {
    rows.iter().map(|row| Ok((rows::organization(row, 0)?, rows::get(row, 1)?))).collect()
}

fn keys(rows: &[Row]) -> Result<HashMap<KeyId, KnownKey>, StoreError> {
    let mut known = HashMap::new();
    for of_key in rows.chunk_by(|one, next| one.get::<_, Uuid>(0) == next.get::<_, Uuid>(0)) {
        let epoch = rows::get(&of_key[0], SECRET_FROM + 6)?;
        let record: KeyRecord = rows::key_records(of_key)?
            .pop()
            .ok_or_else(|| StoreError::corrupt("a key without a row"))?;
        let mut record = record;
        let older = record.secrets.split_off(record.secrets.len().min(2));
        known.insert(record.id, KnownKey { epoch, record, older });
    }
    Ok(known)
}

fn hashes(rows: &[Row]) -> Result<HashSet<KeyHash>, StoreError> {
    rows.iter().map(|row| rows::key_hash(rows::get(row, 0)?)).collect()
}

type Tokens = HashMap<(OrganizationId, keyfob_store::IdempotencyToken), KnownToken>;

fn tokens(rows: &[Row]) -> Result<Tokens, StoreError> {
    let token = |row: &Row| {
        let name =
            (rows::organization(row, 0)?, rows::parsed(row, 1, "idempotency.token", str::parse)?);
        let fingerprint: &[u8] = rows::get(row, 2)?;
        let known = KnownToken {
            fingerprint: fingerprint
                .try_into()
                .map_err(|_| StoreError::corrupt("a fingerprint of another length"))?,
            key: rows::key_id(row, 3)?,
            remembered_until: Timestamp::from_micros(rows::get(row, 4)?),
        };
        Ok((name, known))
    };
    rows.iter().map(token).collect()
}

fn slots(
    named: &[(&OrganizationId, SlotsNeed)],
    rows: &[Row],
) -> Result<HashMap<OrganizationId, Slots>, StoreError> {
    let mut slots = HashMap::new();
    for row in rows {
        let place: usize = rows::number(row, 0, "a count")?;
        let (organization, need) =
            named.get(place - 1).ok_or_else(|| StoreError::corrupt("a count of nothing"))?;
        let expiries: Vec<i64> = rows::get(row, 2)?;
        let expiries = expiries.into_iter().map(Timestamp::from_micros).collect();
        let counted = Slots::new(*need, rows::number(row, 1, "a count")?, expiries);
        slots.insert((*organization).clone(), counted);
    }
    Ok(slots)
}
