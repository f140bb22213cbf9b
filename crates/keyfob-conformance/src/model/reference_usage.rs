use std::collections::{BTreeMap, HashMap, HashSet};

use keyfob_store::{
    Hour, KeyId, Outcome, UsageBatch, UsageCount, UsageGrain, UsageQuery, UsageRow,
};

/// What was counted, and which batches it came in.
#[derive(Default)]
pub(crate) struct Usage {
    sums: BTreeMap<Place, u64>,
    /// How many rows of deleted organizations a store may still hold, where nobody can read them.
    unreadable: Vec<Hour>,
    pub(crate) batches: Vec<UsageBatch>,
}

type Place = (Hour, KeyId, u32, Outcome);

impl Usage {
    /// Whether the batch counts: it was never sent before.
    pub(crate) fn begin(&mut self, batch: &UsageBatch) -> bool {
        let known = self.batches.iter().any(|known| known.id == batch.id);
        if !known {
            self.batches.push(batch.clone());
        }
        !known
    }

    pub(crate) fn add(&mut self, count: &UsageCount) {
        let sum =
            self.sums.entry((count.hour, count.key, count.secret, count.outcome)).or_default();
        *sum = add(*sum, count.count);
    }

    pub(crate) fn forget(&mut self, keys: &HashSet<KeyId>) {
        let gone = self.sums.keys().filter(|(_, key, _, _)| keys.contains(key));
        self.unreadable.extend(gone.map(|(hour, _, _, _)| *hour));
        self.sums.retain(|(_, key, _, _), _| !keys.contains(key));
    }

    /// How many rows go, at least and at most.
    pub(crate) fn prune(&mut self, before: Hour) -> (u64, u64) {
        let gone = self.sums.keys().filter(|(hour, ..)| *hour < before).count() as u64;
        let unread = self.unreadable.iter().filter(|hour| **hour < before).count() as u64;
        self.sums.retain(|(hour, ..), _| *hour >= before);
        self.unreadable.retain(|hour| *hour >= before);
        (gone, gone + unread)
    }

    /// The rows that a query asks for, of the keys that the organization has.
    pub(crate) fn read(&self, query: &UsageQuery, keys: &HashSet<KeyId>) -> Vec<UsageRow> {
        let mut sums: HashMap<Place, u64> = HashMap::new();
        for ((hour, key, secret, outcome), count) in &self.sums {
            let wanted = query.key.is_none_or(|only| only == *key) && keys.contains(key);
            if !wanted || *hour < query.from || *hour >= query.to {
                continue;
            }
            let mut shown = *hour;
            while query.grain == UsageGrain::Day && shown.number() % 24 != 0 {
                shown = Hour::from_number(shown.number() - 1);
            }
            let sum = sums.entry((shown, *key, *secret, *outcome)).or_default();
            *sum = add(*sum, *count);
        }
        let mut rows: Vec<_> = sums
            .into_iter()
            .map(|((hour, key, secret, outcome), count)| UsageRow {
                key,
                secret,
                hour,
                outcome,
                count,
            })
            .collect();
        let rank = |of: Outcome| Outcome::ALL.iter().position(|outcome| *outcome == of);
        rows.sort_by_key(|row| (row.hour, *row.key.as_bytes(), row.secret, rank(row.outcome)));
        rows
    }
}

fn add(sum: u64, count: u64) -> u64 {
    let exact = u128::from(sum) + u128::from(count);
    u64::try_from(exact.min(u128::from(UsageRow::MOST))).unwrap_or(UsageRow::MOST)
}
