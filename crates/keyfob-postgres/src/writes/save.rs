//! Writes what a transaction came to: one statement for each table, all in one round trip with the commit.

use tokio_postgres::types::Type;

use super::columns::Columns;
use crate::SchemaName;
use crate::migration::DATABASE_CLOCK;
use crate::pipeline::Step;

/// The statements that write.
pub(crate) struct Save {
    insert_keys: String,
    end_secrets: String,
    insert_secrets: String,
    update_keys: String,
    append_events: String,
    append_feed: String,
    forget_tokens: String,
    remember_tokens: String,
    delete_organizations: String,
    give_up_feed: String,
    prune_feed: String,
    /// `None` where nobody is told.
    notify: Option<&'static str>,
    channel: String,
    retention: i64,
}

impl Save {
    pub(crate) fn new(schema: &SchemaName, notifies: bool, retention: i64) -> Self {
        Self {
            insert_keys: schema.apply(INSERT_KEYS),
            end_secrets: schema.apply(END_SECRETS),
            insert_secrets: schema.apply(INSERT_SECRETS),
            update_keys: schema.apply(UPDATE_KEYS),
            append_events: schema.apply(APPEND_EVENTS),
            append_feed: schema.apply(&append_feed()),
            forget_tokens: schema.apply(FORGET_TOKENS),
            remember_tokens: schema.apply(REMEMBER_TOKENS),
            delete_organizations: schema.apply(DELETE_ORGANIZATIONS),
            give_up_feed: schema.apply(&give_up_feed()),
            prune_feed: schema.apply(PRUNE_FEED),
            notify: notifies.then_some("SELECT pg_notify($1, $2)"),
            channel: schema.channel(),
            retention,
        }
    }

    /// The order matters. A secret gets its end before another follows it, and is inserted before its key is
    /// revoked: triggers see to both. An organization is deleted after the event that it refers to.
    pub(crate) fn steps<'s>(&'s self, columns: &'s Columns<'s>, prune: bool) -> Vec<Step<'s>> {
        let mut steps = Vec::new();
        for (sql, values) in [
            (&self.insert_keys, columns.keys.values()),
            (&self.end_secrets, columns.ends.values()),
            (&self.insert_secrets, columns.secrets.values()),
            (&self.update_keys, columns.changes.values()),
            (&self.append_events, columns.events.values()),
            (&self.append_feed, columns.feed.values()),
            (&self.forget_tokens, columns.forgotten.values()),
            (&self.remember_tokens, columns.tokens.values()),
            (&self.delete_organizations, columns.deleted.values()),
            (&self.give_up_feed, prune.then(|| vec![(&self.retention as _, Type::INT8)])),
            (&self.prune_feed, prune.then(Vec::new)),
        ] {
            steps.extend(values.map(|values| Step::Statement(sql, values)));
        }
        if let Some(notify) = self.notify {
            let values = vec![(&self.channel as _, Type::TEXT), (&columns.end as _, Type::TEXT)];
            steps.push(Step::Statement(notify, values));
        }
        steps.push(Step::Batch("COMMIT"));
        steps
    }
}

const INSERT_KEYS: &str = "\
    INSERT INTO {schema}.keys (id, organization, epoch, name, environment, scopes, created_at, \
        created_by, expires_at) \
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], \
        $7::bigint[], $8::text[], $9::bigint[])";

pub(crate) const END_SECRETS: &str = "\
    UPDATE {schema}.secrets s SET retires_at = c.retires_at \
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) c (key, generation, retires_at) \
    WHERE s.key = c.key AND s.generation = c.generation";

const INSERT_SECRETS: &str = "\
    INSERT INTO {schema}.secrets (hash, key, generation, hint, created_at, retires_at) \
    SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::bigint[], $4::text[], $5::bigint[], \
        $6::bigint[])";

const UPDATE_KEYS: &str = "\
    UPDATE {schema}.keys k SET name = c.name, scopes = c.scopes, expires_at = c.expires_at, \
        disabled = c.disabled, revoked_at = c.revoked_at, revoked_by = c.revoked_by, \
        revoked_reason = c.revoked_reason \
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::bigint[], \
        $7::text[], $8::text[]) \
        c (id, name, scopes, expires_at, disabled, revoked_at, revoked_by, revoked_reason) \
    WHERE k.id = c.id";

const APPEND_EVENTS: &str = "\
    INSERT INTO {schema}.events (position, at, organization, action, actor, key, request_id, \
        details) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], \
        $6::uuid[], $7::text[], $8::text[])";

fn append_feed() -> String {
    format!(
        "INSERT INTO {{schema}}.feed (position, written_at, key, organization, hashes) \
         SELECT c.position, now.micros, c.key, c.organization, c.hashes \
         FROM (SELECT {DATABASE_CLOCK} AS micros) now, \
         unnest($1::bigint[], $2::uuid[], $3::text[], $4::bytea[]) \
         c (position, key, organization, hashes)"
    )
}

/// A few for each organization, so that what is kept stays in proportion to what is remembered. Their order keeps the
/// planner on the index: it would look for the first 16 from the start of the table, and there may be none.
pub(crate) const FORGET_TOKENS: &str = "\
    DELETE FROM {schema}.idempotency i USING ( \
        SELECT t.organization, t.token FROM unnest($1::text[], $2::bigint[]) a (organization, at) \
        CROSS JOIN LATERAL (SELECT organization, token FROM {schema}.idempotency o \
            WHERE o.organization = a.organization AND o.remembered_until < a.at \
            ORDER BY o.remembered_until LIMIT 16) t) old \
    WHERE i.organization = old.organization AND i.token = old.token";

const REMEMBER_TOKENS: &str = "\
    INSERT INTO {schema}.idempotency (organization, token, fingerprint, key, remembered_until) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::bigint[]) \
    ON CONFLICT (organization, token) DO UPDATE SET fingerprint = excluded.fingerprint, \
        key = excluded.key, remembered_until = excluded.remembered_until";

/// A new epoch. All that bears the one before is out of reach by that, however much it is.
const DELETE_ORGANIZATIONS: &str = "\
    INSERT INTO {schema}.organizations (organization, epoch) \
    SELECT * FROM unnest($1::text[], $2::bigint[]) \
    ON CONFLICT (organization) DO UPDATE SET epoch = excluded.epoch";

/// How far the feed is given up: over its first entries, as far as they have had their time, and not over many at
/// once, since others wait for it.
pub(crate) fn give_up_feed() -> String {
    format!(
        "WITH first AS (SELECT f.position, f.written_at < {DATABASE_CLOCK} - $1 AS is_old \
             FROM {{schema}}.feed f ORDER BY f.position LIMIT {PRUNED_AT_ONCE}), \
         young AS (SELECT min(position) AS position FROM first WHERE NOT is_old), \
         old AS (SELECT max(f.position) AS position FROM first f, young y \
             WHERE f.position < y.position OR y.position IS NULL) \
         UPDATE {{schema}}.head h SET pruned_through = o.position FROM old o \
         WHERE o.position IS NOT NULL"
    )
}

pub(crate) const PRUNE_FEED: &str = "\
    DELETE FROM {schema}.feed WHERE position <= (SELECT pruned_through FROM {schema}.head)";

/// How many entries of the feed go with one write, at most.
const PRUNED_AT_ONCE: u32 = 500;
