use std::time::Duration;

use keyfob_store::{Hour, StoreError, UsageBatch, UsageRow};
use tokio::time::Instant;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::database::{Database, Value};
use crate::migration::DATABASE_CLOCK;
use crate::reads::uuid;
use crate::{PostgresError, SchemaName};

/// Adds up usage: a batch is one statement, without the lock of the schema.
pub(crate) struct UsageWrites {
    record: String,
    prune: String,
    /// How long a batch may take, or a prune.
    timeout: Duration,
}

/// A day in microseconds, for which a batch is remembered.
const REMEMBERED: i64 = 86_400_000_000;

/// How often a batch is tried that others are in the way of, or whose answer is lost: it counts once.
const ATTEMPTS: usize = 5;

impl UsageWrites {
    pub(crate) fn new(schema: &SchemaName, timeout: Duration) -> Self {
        Self {
            record: schema.apply(&record_sql()),
            prune: schema.apply("DELETE FROM {schema}.usage WHERE hour < $1"),
            timeout,
        }
    }

    pub(crate) async fn record(
        &self,
        database: &Database,
        batch: &UsageBatch,
    ) -> Result<(), StoreError> {
        let columns = Columns::new(batch);
        let yesterday = batch.at.as_micros().saturating_sub(REMEMBERED);
        let id = Uuid::from_bytes(batch.id);
        let values: [Value<'_>; 9] = [
            (&id, Type::UUID),
            (&columns.organizations, Type::TEXT_ARRAY),
            (&columns.keys, Type::UUID_ARRAY),
            (&columns.secrets, Type::INT8_ARRAY),
            (&columns.hours, Type::INT8_ARRAY),
            (&columns.outcomes, Type::TEXT_ARRAY),
            (&columns.counts, Type::INT8_ARRAY),
            (&columns.last_at, Type::INT8_ARRAY),
            (&yesterday, Type::INT8),
        ];
        let deadline = Instant::now() + self.timeout;
        let mut attempt = 1;
        loop {
            let mut lent =
                database.lend(deadline).await.map_err(PostgresError::into_store_error)?;
            match lent.execute(&self.record, &values).await {
                Ok(_) => return Ok(()),
                Err(error)
                    if (error.is_collision() || error.ends_connection())
                        && attempt < ATTEMPTS
                        && Instant::now() < deadline =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error.into_store_error()),
            }
        }
    }

    pub(crate) async fn prune(&self, database: &Database, before: Hour) -> Result<u64, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let mut lent = database.lend(deadline).await.map_err(PostgresError::into_store_error)?;
        let values: [Value<'_>; 1] = [(&before.number(), Type::INT8)];
        lent.execute(&self.prune, &values).await.map_err(PostgresError::into_store_error)
    }
}

/// The counts of a batch, column by column.
#[derive(Default)]
struct Columns<'b> {
    organizations: Vec<&'b str>,
    keys: Vec<Uuid>,
    secrets: Vec<i64>,
    hours: Vec<i64>,
    outcomes: Vec<&'static str>,
    counts: Vec<i64>,
    last_at: Vec<i64>,
}

impl<'b> Columns<'b> {
    fn new(batch: &'b UsageBatch) -> Self {
        let mut columns = Self::default();
        for count in &batch.counts {
            columns.organizations.push(count.organization.as_str());
            columns.keys.push(uuid(count.key));
            columns.secrets.push(i64::from(count.secret));
            columns.hours.push(count.hour.number());
            columns.outcomes.push(count.outcome.as_str());
            columns.counts.push(count.count.min(UsageRow::MOST).cast_signed());
            columns.last_at.push(count.last_at.as_micros());
        }
        columns
    }
}

/// A batch whose id is new is added up; whoever sends the same at the same time waits for that, and adds nothing.
///
/// Rows are written in the order of their keys, so that two nodes wait for each other in that order, and neither for
/// ever. Whose key is unknown, or of an organization that was deleted, drops out in the join.
///
/// A few batches that have had their day are forgotten for it. The clock of the database and that of the sender
/// have to agree that they had: one that is ahead makes no batch count twice. They are named as an array: joined to,
/// they would have all the batches of a day read for them.
pub(crate) fn record_sql() -> String {
    format!(
        "WITH batch AS ( \
            INSERT INTO {{schema}}.usage_batches (id, at) VALUES ($1, {DATABASE_CLOCK}) \
            ON CONFLICT DO NOTHING RETURNING id), \
        counts AS MATERIALIZED ( \
            SELECT c.hour, k.organization, k.epoch, k.id AS key, c.secret, c.outcome, \
                least(sum(c.count), {most})::bigint AS count, max(c.last_at) AS last_at \
            FROM unnest($2::text[], $3::uuid[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], \
                $8::bigint[]) c (organization, key, secret, hour, outcome, count, last_at) \
            JOIN {{schema}}.keys k ON k.id = c.key AND k.organization = c.organization \
            LEFT JOIN {{schema}}.organizations o ON o.organization = k.organization \
            WHERE k.epoch = coalesce(o.epoch, 0) AND EXISTS (SELECT 1 FROM batch) \
            GROUP BY 1, 2, 3, 4, 5, 6), \
        added AS ( \
            INSERT INTO {{schema}}.usage AS u \
                (hour, organization, epoch, key, secret, outcome, count) \
            SELECT hour, organization, epoch, key, secret, outcome, count FROM counts \
            ORDER BY 1, 2, 3, 4, 5, 6 \
            ON CONFLICT (hour, organization, epoch, key, secret, outcome) DO UPDATE SET count = \
                CASE WHEN u.count > {most} - excluded.count THEN {most} \
                ELSE u.count + excluded.count END), \
        used AS ( \
            INSERT INTO {{schema}}.last_uses AS u (key, secret, at) \
            SELECT c.key, c.secret, max(c.last_at) FROM counts c \
            JOIN {{schema}}.secrets s ON s.key = c.key AND s.generation = c.secret \
            WHERE c.outcome = 'accepted' GROUP BY 1, 2 ORDER BY 1, 2 \
            ON CONFLICT (key, secret) DO UPDATE SET at = excluded.at WHERE u.at < excluded.at) \
        DELETE FROM {{schema}}.usage_batches WHERE id = ANY (ARRAY ( \
            SELECT b.id FROM {{schema}}.usage_batches b \
            WHERE EXISTS (SELECT 1 FROM batch) AND b.at < least({DATABASE_CLOCK} - {REMEMBERED}, $9) \
            ORDER BY b.at LIMIT 64 FOR UPDATE SKIP LOCKED))",
        most = UsageRow::MOST,
    )
}
