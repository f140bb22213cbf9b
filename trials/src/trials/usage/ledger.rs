use std::collections::BTreeMap;
use std::time::Duration;

use crate::findings::Findings;
use crate::monotonic::Monotonic;
use crate::protocol::{KeyName, Told};

/// What nodes told of their counting, and so what the store must hold.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    by_key: BTreeMap<KeyName, Bounds>,
    counted: u64,
    open_spans: Vec<Duration>,
}

/// Of a key's usage in the store.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    least: u64,
    most: u64,
}

impl Ledger {
    /// Takes down what a node had told when it was killed.
    ///
    /// What it had counted before its last flush that was answered is in the store; what it counted
    /// since may be; and so may a part of what it was about to do.
    pub(super) fn close(&mut self, told: Vec<Told>, killed: Monotonic) {
        let durable_until = told.iter().rev().find_map(|told| match told {
            Told::Metered { durable_until, .. } => *durable_until,
            _ => None,
        });
        let mut under_way = None;
        let mut first = None;
        for told in told {
            match told {
                Told::Metering { key, most } => under_way = Some((key, most)),
                Told::Metered { key, counted, began, ended, .. } => {
                    under_way = None;
                    first.get_or_insert(began);
                    let durable = durable_until.is_some_and(|until| ended < until);
                    let bounds = self.by_key.entry(key).or_default();
                    bounds.least += if durable { counted } else { 0 };
                    bounds.most += counted;
                    self.counted += counted;
                }
                _ => {}
            }
        }
        if let Some((key, most)) = under_way {
            self.by_key.entry(key).or_default().most += most;
        }
        let since = durable_until.or(first).unwrap_or(killed);
        self.open_spans.push(killed.since(since));
    }

    pub(super) fn add(&mut self, other: Self) {
        for (key, Bounds { least, most }) in other.by_key {
            let bounds = self.by_key.entry(key).or_default();
            bounds.least += least;
            bounds.most += most;
        }
        self.counted += other.counted;
        self.open_spans.extend(other.open_spans);
    }

    /// How many verifications nodes told of that were counted.
    pub(super) const fn counted(&self) -> u64 {
        self.counted
    }

    /// How long ago each node's last flush was when it was killed.
    pub(super) fn open_spans(&self) -> &[Duration] {
        &self.open_spans
    }

    /// Compares the store's usage with the bounds, key by key.
    pub(super) fn check(&self, recorded: &[(KeyName, u64)], findings: &mut Findings) {
        let recorded: BTreeMap<_, _> = recorded.iter().cloned().collect();
        for (key, Bounds { least, most }) in &self.by_key {
            let count = recorded.get(key).copied().unwrap_or(0);
            findings.promise(count <= *most, || {
                format!("usage is never over-counted: {count} of at most {most}")
            });
            findings.promise(count >= *least, || {
                format!("what was flushed is never lost: {count} of at least {least}")
            });
        }
        findings.promise(recorded.keys().all(|key| self.by_key.contains_key(key)), || {
            "no usage is counted of a key that was not used".into()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> KeyName {
        KeyName { organization: "o".into(), id: "k".into() }
    }

    /// A node that wrote down 10, counted 5 more, was about to count 3, and was killed.
    fn ledger() -> Ledger {
        let start = Monotonic::now();
        let at = |seconds| start.plus(Duration::from_secs(seconds));
        let metered = |counted, second, durable_until| Told::Metered {
            key: key(),
            counted,
            began: at(second),
            ended: at(second),
            durable_until,
        };
        let metering = |most| Told::Metering { key: key(), most };
        let told = vec![
            metering(10),
            metered(10, 1, None),
            metering(5),
            metered(5, 3, Some(at(2))),
            metering(3),
        ];
        let mut ledger = Ledger::default();
        ledger.close(told, at(4));
        ledger
    }

    fn broken(recorded: u64) -> usize {
        let mut findings = Findings::default();
        ledger().check(&[(key(), recorded)], &mut findings);
        findings.broken().len()
    }

    #[test]
    fn what_was_flushed_is_the_least_and_what_was_announced_is_the_most() {
        for (recorded, expected) in [(9, 1), (10, 0), (15, 0), (18, 0), (19, 1)] {
            assert_eq!(broken(recorded), expected, "{recorded}");
        }
        assert_eq!(ledger().open_spans(), [Duration::from_secs(2)]);
        assert_eq!(ledger().counted(), 15);
    }

    #[test]
    fn usage_from_nowhere_is_a_broken_promise() {
        let mut findings = Findings::default();
        Ledger::default().check(&[(key(), 1)], &mut findings);
        assert_eq!(findings.broken().len(), 1);
    }
}
