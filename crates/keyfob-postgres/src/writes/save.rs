//! Writes what a transaction came to: one statement for each table, all in one round trip with the commit. What is
//! written often is a function of the schema: the migration that creates it tells what it does.

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
        let call = |function, values| schema.apply(&call(function, values));
        Self {
            insert_keys: call("insert_keys", 9),
            end_secrets: call("end_secrets", 3),
            insert_secrets: call("insert_secrets", 6),
            update_keys: call("update_keys", 8),
            append_events: call("append_events", 8),
            append_feed: call("append_feed", 4),
            forget_tokens: call("forget_tokens", 2),
            remember_tokens: call("remember_tokens", 5),
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

/// The call of a function with so many values.
fn call(function: &str, values: usize) -> String {
    let values: Vec<String> = (1..=values).map(|number| format!("${number}")).collect();
    format!("SELECT {{schema}}.{function}({})", values.join(", "))
}

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
