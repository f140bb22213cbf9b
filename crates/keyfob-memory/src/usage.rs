use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyfob_store::{
    Hour, KeyId, Outcome, Timestamp, UsageBatch, UsageCount, UsageGrain, UsageQuery, UsageRow,
};

/// Counts by hour, key, secret and outcome; and which batches they were made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    counts: BTreeMap<(Hour, KeyId, u32, Outcome), u64>,
    /// When each came, by the clock of this machine.
    batches: HashMap<[u8; 16], Timestamp>,
}

/// A day in microseconds, for which a batch is remembered.
const REMEMBERED: i64 = 86_400_000_000;

impl Usage {
    /// Whether the batch, which comes now, is new.
    ///
    /// Those that have had their day are forgotten for it. Its clock and this machine's have to agree
    /// that they had: one that is ahead makes no other batch count twice.
    pub(crate) fn begin(&mut self, batch: &UsageBatch, now: Timestamp) -> bool {
        if self.batches.contains_key(&batch.id) {
            return false;
        }
        let yesterday = now.min(batch.at).as_micros().saturating_sub(REMEMBERED);
        self.batches.retain(|_, came| came.as_micros() >= yesterday);
        self.batches.insert(batch.id, now);
        true
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
                    UsageGrain::Day => hour.first_of_day(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(id: u8, at: i64) -> UsageBatch {
        UsageBatch { id: [id; 16], at: Timestamp::from_micros(at), counts: Vec::new() }
    }

    #[test]
    fn batch_is_forgotten_when_both_clocks_say_that_its_day_is_over() {
        for (here, there, forgotten) in [
            (REMEMBERED, REMEMBERED, false),
            (REMEMBERED + 1, REMEMBERED + 1, true),
            (REMEMBERED + 1, REMEMBERED, false),
            (REMEMBERED, i64::MAX, false),
            (i64::MAX, REMEMBERED, false),
            (REMEMBERED + 1, i64::MIN, false),
        ] {
            let mut usage = Usage::default();
            assert!(usage.begin(&batch(1, i64::MAX), Timestamp::from_micros(0)));
            assert!(usage.begin(&batch(2, there), Timestamp::from_micros(here)));
            let again = usage.begin(&batch(1, i64::MAX), Timestamp::from_micros(here));
            assert_eq!(again, forgotten, "{here} {there}");
        }
    }
}
