use keyfob_store::{Hour, Outcome, StoreError, Timestamp, UsageBatch, UsageCount, UsageRow};
use rusqlite::{Statement, params};

use super::Writes;
use crate::sqlite_error::store_error;

/// Adds up usage. In one transaction a statement is prepared once and run for each count, which is
/// what a batch is to a database without a network in between.
pub(super) struct Usage<'c> {
    begin: Statement<'c>,
    forget: Statement<'c>,
    add: Statement<'c>,
    note_use: Statement<'c>,
    prune: Statement<'c>,
}

impl<'c> Usage<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: prepare(
                "INSERT INTO {prefix}usage_batches (id, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?,
            forget: prepare(
                "DELETE FROM {prefix}usage_batches WHERE id IN ( \
                 SELECT id FROM {prefix}usage_batches WHERE at < ?1 ORDER BY at LIMIT 64)",
            )?,
            // The sum is compared before it is made: beyond 64 bits, SQLite goes on in floating point.
            add: prepare(&format!(
                "INSERT INTO {{prefix}}usage AS u \
                 (hour, organization, epoch, key, secret, outcome, count) \
                 SELECT ?1, k.organization, k.epoch, k.id, ?4, ?5, ?6 FROM {{prefix}}keys k \
                 WHERE k.id = ?3 AND +k.organization = ?2 AND +k.epoch = coalesce( \
                 (SELECT epoch FROM {{prefix}}organizations WHERE organization = ?2), 0) \
                 ON CONFLICT DO UPDATE SET count = CASE \
                 WHEN u.count > {most} - excluded.count THEN {most} \
                 ELSE u.count + excluded.count END",
                most = UsageRow::MOST,
            ))?,
            note_use: prepare(
                "INSERT INTO {prefix}last_uses AS u (key, secret, at) \
                 SELECT k.id, s.generation, ?3 FROM {prefix}keys k CROSS JOIN {prefix}secrets s \
                 ON s.key = k.number WHERE k.id = ?1 AND s.generation = ?2 \
                 ON CONFLICT DO UPDATE SET at = excluded.at WHERE u.at < excluded.at",
            )?,
            prune: prepare("DELETE FROM {prefix}usage WHERE hour < ?1")?,
        })
    }

    /// Whether the batch, which comes now, is new.
    ///
    /// A few of those that have had their day are forgotten for it. Its clock and this machine's have
    /// to agree that they had: one that is ahead makes no other batch count twice.
    fn begin(&mut self, batch: &UsageBatch, now: Timestamp) -> rusqlite::Result<bool> {
        let is_new = self.begin.execute(params![batch.id, now.as_micros()])? == 1;
        if is_new {
            let yesterday = now.min(batch.at).as_micros().saturating_sub(REMEMBERED);
            self.forget.execute([yesterday])?;
        }
        Ok(is_new)
    }

    fn add(&mut self, count: &UsageCount) -> rusqlite::Result<()> {
        let key = count.key.as_bytes();
        let values = params![
            count.hour.number(),
            count.organization.as_str(),
            key,
            count.secret,
            count.outcome.as_str(),
            count.count.min(UsageRow::MOST).cast_signed(),
        ];
        let known = self.add.execute(values)? > 0;
        if known && count.outcome == Outcome::Accepted {
            self.note_use.execute(params![key, count.secret, count.last_at.as_micros()])?;
        }
        Ok(())
    }
}

/// A day in microseconds, for which a batch is remembered.
const REMEMBERED: i64 = 86_400_000_000;

impl Writes<'_> {
    pub(crate) fn record_usage(
        &mut self,
        batch: &UsageBatch,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.usage.begin(batch, now).map_err(store_error)? {
            batch.counts.iter().try_for_each(|count| self.usage.add(count)).map_err(store_error)?;
        }
        Ok(())
    }

    pub(crate) fn prune_usage(&mut self, before: Hour) -> Result<u64, StoreError> {
        let pruned = self.usage.prune.execute([before.number()]).map_err(store_error)?;
        Ok(pruned as u64)
    }
}
