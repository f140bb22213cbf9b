//! Usage as JSON shows it, over HTTP and on the command line.

use std::str::FromStr;

use keyfob::{
    Bucket, Environment, Granularity, KeyUsage, Tally, Timestamp, UsageRange, UsageReport,
};
use serde::Serialize;

use crate::time::rfc3339;

/// An organization's usage.
#[derive(Debug, Serialize)]
pub(crate) struct UsageView {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) granularity: &'static str,
    pub(crate) total: TallyView,
    pub(crate) buckets: Vec<BucketView>,
    pub(crate) keys: Vec<KeyUsageView>,
}

/// How often keys were accepted and refused.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct TallyView {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// One of them has stopped at its end: there may have been more.
    pub(crate) saturated: bool,
}

/// The usage of an hour, a day or a month.
#[derive(Debug, Serialize)]
pub(crate) struct BucketView {
    pub(crate) start: String,
    #[serde(flatten)]
    pub(crate) tally: TallyView,
}

/// The usage of a key.
#[derive(Debug, Serialize)]
pub(crate) struct KeyUsageView {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) total: TallyView,
    pub(crate) buckets: Vec<BucketView>,
}

impl UsageView {
    /// The report, or what it says of keys of this environment only.
    pub(crate) fn new(mut report: UsageReport, grain: Grain, only: Option<Environment>) -> Self {
        if let Some(environment) = only {
            report.keys.retain(|key| key.environment == environment);
            add_up_again(&mut report);
        }
        Self {
            from: rfc3339(report.from),
            to: rfc3339(report.to),
            granularity: grain.as_str(),
            total: report.total.into(),
            buckets: report.buckets.into_iter().map(BucketView::from).collect(),
            keys: report.keys.into_iter().map(KeyUsageView::from).collect(),
        }
    }
}

/// Makes the sums those of the keys that are left.
fn add_up_again(report: &mut UsageReport) {
    report.total = Tally::default();
    for bucket in &mut report.buckets {
        bucket.tally = Tally::default();
    }
    for key in &report.keys {
        report.total = report.total.saturating_add(key.total);
        for (sum, bucket) in report.buckets.iter_mut().zip(&key.buckets) {
            sum.tally = sum.tally.saturating_add(bucket.tally);
        }
    }
}

/// The range that was asked for: by default the hour that it is now and the 23 before.
pub(crate) fn range(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    Grain(granularity): Grain,
    now: Timestamp,
) -> UsageRange {
    const HOUR: i64 = 3_600_000_000;
    let to = to.unwrap_or(now);
    let from = from.unwrap_or_else(|| {
        let last_hour = to.as_micros().saturating_sub(1).div_euclid(HOUR);
        Timestamp::from_micros((last_hour - 23).saturating_mul(HOUR))
    });
    UsageRange { from, to, granularity }
}

/// The size of a bucket, by the word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grain(pub(crate) Granularity);

impl Grain {
    const ALL: [Self; 3] =
        [Self(Granularity::Hour), Self(Granularity::Day), Self(Granularity::Month)];

    pub(crate) const fn as_str(self) -> &'static str {
        match self.0 {
            Granularity::Hour => "hour",
            Granularity::Day => "day",
            Granularity::Month => "month",
        }
    }
}

impl Default for Grain {
    fn default() -> Self {
        Self(Granularity::Hour)
    }
}

impl FromStr for Grain {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|grain| grain.as_str() == word);
        named.ok_or("must be `hour`, `day` or `month`")
    }
}

impl From<Tally> for TallyView {
    fn from(tally: Tally) -> Self {
        let saturated = tally.is_saturated();
        Self { accepted: tally.accepted, refused: tally.refused, saturated }
    }
}

impl From<Bucket> for BucketView {
    fn from(bucket: Bucket) -> Self {
        Self { start: rfc3339(bucket.start), tally: bucket.tally.into() }
    }
}

impl From<KeyUsage> for KeyUsageView {
    fn from(key: KeyUsage) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            total: key.total.into(),
            buckets: key.buckets.into_iter().map(BucketView::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_range_has_24_hours() {
        let hours = |to: i64| {
            let to = Timestamp::from_micros(to);
            let range = range(None, None, Grain::default(), to);
            let micros = range.to.as_micros() - range.from.as_micros();
            (range.from.as_micros() % 3_600_000_000, (micros - 1) / 3_600_000_000)
        };
        assert_eq!(hours(500_000 * 3_600_000_000), (0, 23), "the hour is over");
        assert_eq!(hours(500_000 * 3_600_000_000 + 1), (0, 23), "the hour has begun");
        assert_eq!(hours(500_001 * 3_600_000_000 - 1), (0, 23), "the hour is almost over");
    }

    #[test]
    fn range_at_the_edge_of_time_does_not_overflow() {
        for to in [i64::MIN, i64::MAX, 0] {
            range(None, Some(Timestamp::from_micros(to)), Grain::default(), Timestamp::MAX);
        }
    }
}
