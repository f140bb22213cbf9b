use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyfob_store::{
    Hour, KeyId, Outcome, Timestamp, UsageBatch, UsageCount, UsageGrain, UsageQuery, UsageRow,
};

/// Counts by hour, key, secret and outcome; and which batches they were made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    counts: BTreeMap<(Hour, KeyId, u32, Outcome), u64>,
    batches: HashMap<[u8; 16], Timestamp>,
}

const DAY: i64 = 24;

impl Usage {
    /// Whether the batch is new. It is remembered for a day.
    pub(crate) fn begin(&mut self, batch: &UsageBatch) -> bool {
        let yesterday = Hour::of(batch.at).number() - DAY;
        self.batches.retain(|_, at| Hour::of(*at).number() >= yesterday);
        self.batches.insert(batch.id, batch.at).is_none()
    }

    pub(crate) fn add(&mut self, count: &UsageCount) {
        let place = (count.hour, count.key, count.secret, count.outcome);
        let sum = self.counts.entry(place).or_default();
        *sum = sum.saturating_add(count.count).min(UsageRow::MOST);
    }

    /// The rows of the keys that are asked for.
    pub(crate) fn read(&self, query: &UsageQuery, owns: impl Fn(KeyId) -> bool) -> Vec<UsageRow> {
        let mut rows = BTreeMap::new();
        for ((hour, key, secret, outcome), count) in &self.counts {
            let asked = (query.from..query.to).contains(hour)
                && query.key.is_none_or(|only| only == *key)
                && owns(*key);
            if asked {
                let hour = match query.grain {
                    UsageGrain::Hour => *hour,
                    UsageGrain::Day => Hour::from_number(hour.number().div_euclid(DAY) * DAY),
                };
                let sum: &mut u64 = rows.entry((hour, *key, *secret, *outcome)).or_default();
                *sum = sum.saturating_add(*count).min(UsageRow::MOST);
            }
        }
        let row =
            |((hour, key, secret, outcome), count)| UsageRow { key, secret, hour, outcome, count };
        rows.into_iter().map(row).collect()
    }

    pub(crate) fn prune(&mut self, before: Hour) -> u64 {
        let kept =
            self.counts.split_off(&(before, KeyId::from_bytes([0; 16]), 0, Outcome::Accepted));
        std::mem::replace(&mut self.counts, kept).len() as u64
    }

    pub(crate) fn forget(&mut self, keys: &BTreeSet<KeyId>) {
        self.counts.retain(|(_, key, _, _), _| !keys.contains(key));
    }
}
