use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use keyfob_core::{Environment, Scope};
use keyfob_store::{
    Hour, KeyId, KeyName, KeyRecord, KeyStore, OrganizationId, Outcome, StoreError, Timestamp,
    UsageGrain, UsageQuery, UsageRow,
};

use crate::KeyService;

/// Which usage to tell, and how finely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRange {
    /// From the bucket that this moment lies in.
    pub from: Timestamp,
    /// Up to this moment; the bucket that it lies in is told too, unless it starts there.
    pub to: Timestamp,
    /// The size of a bucket.
    pub granularity: Granularity,
}

/// The size of a bucket, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month of the calendar.
    Month,
}

/// An organization's usage. Buckets without any are there, with zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageReport {
    /// The start of the first bucket.
    pub from: Timestamp,
    /// The end of the last one.
    pub to: Timestamp,
    /// All of it.
    pub total: Tally,
    /// By bucket.
    pub buckets: Vec<Bucket>,
    /// By key, of keys that were used at all; the oldest first.
    pub keys: Vec<KeyUsage>,
}

/// How often keys were accepted and refused. A count goes no further than [`UsageRow::MOST`]: see
/// [`is_saturated`](Self::is_saturated).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Verifications that came to a principal.
    pub accepted: u64,
    /// Verifications of a known key that did not.
    pub refused: u64,
}

/// The usage of a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its first moment.
    pub start: Timestamp,
    /// What came in it.
    pub tally: Tally,
}

/// The usage of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// The key.
    pub id: KeyId,
    /// What a person calls it now.
    pub name: KeyName,
    /// Live or test.
    pub environment: Environment,
    /// All of it.
    pub total: Tally,
    /// By bucket.
    pub buckets: Vec<Bucket>,
    /// By the generation of its secrets: whether an old one is still in use.
    pub secrets: BTreeMap<u32, Tally>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The range ends before it starts, or at once, or is beyond the years 1 to 9999.
    #[error("a range of usage starts before it ends, between the years 1 and 9999")]
    EmptyRange,
    /// More buckets than anyone reads.
    #[error(
        "that range has more than {most} buckets: ask for a shorter one, or for larger buckets"
    )]
    TooManyBuckets {
        /// How many there may be.
        most: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A year of hours, and a little.
const MOST_BUCKETS: usize = 10_000;

impl<S: Scope, St: KeyStore> KeyService<S, St> {
    /// Tells an organization's usage: what has been written down, which is all but that of the last
    /// second or so.
    ///
    /// # Errors
    /// [`UsageError`].
    pub async fn usage(
        &self,
        organization: &OrganizationId,
        range: UsageRange,
    ) -> Result<UsageReport, UsageError> {
        let starts = range.starts()?;
        let (Some(from), Some(to)) = (starts.first(), starts.last()) else {
            return Err(UsageError::EmptyRange);
        };
        let grain = match range.granularity {
            Granularity::Hour => UsageGrain::Hour,
            Granularity::Day | Granularity::Month => UsageGrain::Day,
        };
        let query = UsageQuery { from: Hour::of(*from), to: Hour::of(*to), key: None, grain };
        let rows = self.store().usage(organization, query).await?;

        let mut all = Sum::over(&starts);
        let mut by_key: BTreeMap<KeyId, Sum<'_>> = BTreeMap::new();
        for row in &rows {
            all.add(row);
            by_key.entry(row.key).or_insert_with(|| Sum::over(&starts)).add(row);
        }
        let mut keys = Vec::with_capacity(by_key.len());
        for (id, sum) in by_key {
            let KeyRecord { name, environment, .. } = self.get(organization, id).await?;
            let Sum { total, buckets, secrets, .. } = sum;
            keys.push(KeyUsage { id, name, environment, total, buckets, secrets });
        }
        Ok(UsageReport { from: *from, to: *to, total: all.total, buckets: all.buckets, keys })
    }

    /// Forgets the usage of every organization before the hour that this moment lies in. Answers
    /// how many rows went.
    ///
    /// # Errors
    /// The failures of the store.
    pub async fn prune_usage(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store().prune_usage(Hour::of(before)).await
    }
}

impl UsageRange {
    /// The starts of its buckets, and the end of the last one.
    fn starts(self) -> Result<Vec<Timestamp>, UsageError> {
        if self.from >= self.to {
            return Err(UsageError::EmptyRange);
        }
        let first = self.granularity.start_of(civil(self.from)?);
        let end = civil(self.to)?;
        let mut starts = vec![first];
        while starts.last().is_some_and(|last| *last < end) {
            if starts.len() > MOST_BUCKETS {
                return Err(UsageError::TooManyBuckets { most: MOST_BUCKETS });
            }
            // From the first each time, so that months keep to their first day.
            let count = i64::try_from(starts.len()).map_err(|_| UsageError::EmptyRange)?;
            let span = self.granularity.times(count);
            starts.push(first.checked_add(span).map_err(|_| UsageError::EmptyRange)?);
        }
        starts.into_iter().map(timestamp).collect()
    }
}

impl Granularity {
    fn start_of(self, time: DateTime) -> DateTime {
        let hour = match self {
            Self::Hour => time.hour(),
            Self::Day | Self::Month => 0,
        };
        let date = match self {
            Self::Hour | Self::Day => time.date(),
            Self::Month => time.date().first_of_month(),
        };
        date.at(hour, 0, 0, 0)
    }

    fn times(self, count: i64) -> Span {
        match self {
            Self::Hour => Span::new().hours(count),
            Self::Day => Span::new().days(count),
            Self::Month => Span::new().months(count),
        }
    }
}

fn civil(at: Timestamp) -> Result<DateTime, UsageError> {
    let time = jiff::Timestamp::from_microsecond(at.as_micros());
    Ok(TimeZone::UTC.to_datetime(time.map_err(|_| UsageError::EmptyRange)?))
}

fn timestamp(time: DateTime) -> Result<Timestamp, UsageError> {
    let time = time.to_zoned(TimeZone::UTC).map_err(|_| UsageError::EmptyRange)?;
    Ok(Timestamp::from_micros(time.timestamp().as_microsecond()))
}

/// Rows, added up over the buckets of a range.
struct Sum<'b> {
    /// The starts of the buckets, and the end of the last one.
    starts: &'b [Timestamp],
    total: Tally,
    buckets: Vec<Bucket>,
    secrets: BTreeMap<u32, Tally>,
}

impl<'b> Sum<'b> {
    fn over(starts: &'b [Timestamp]) -> Self {
        let buckets = starts[..starts.len() - 1].iter();
        let buckets = buckets.map(|start| Bucket { start: *start, tally: Tally::default() });
        let (total, secrets) = (Tally::default(), BTreeMap::new());
        Self { starts, total, buckets: buckets.collect(), secrets }
    }

    fn add(&mut self, row: &UsageRow) {
        let bucket = self.starts.partition_point(|start| *start <= row.hour.start());
        if let Some(bucket) = bucket.checked_sub(1).and_then(|at| self.buckets.get_mut(at)) {
            bucket.tally.add(row);
            self.total.add(row);
            self.secrets.entry(row.secret).or_default().add(row);
        }
    }
}

impl Tally {
    /// Whether one of the counts has stopped at its end, [`UsageRow::MOST`]: then there was at least
    /// as much, and perhaps more. A sum is saturated when one of its parts is.
    #[must_use]
    pub const fn is_saturated(self) -> bool {
        self.accepted >= UsageRow::MOST || self.refused >= UsageRow::MOST
    }

    /// Both together. What is beyond the end of a count stops there.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        let add = |sum: u64, count| sum.saturating_add(count).min(UsageRow::MOST);
        Self {
            accepted: add(self.accepted, other.accepted),
            refused: add(self.refused, other.refused),
        }
    }

    fn add(&mut self, row: &UsageRow) {
        *self = self.saturating_add(match row.outcome {
            Outcome::Accepted => Self { accepted: row.count, refused: 0 },
            _ => Self { accepted: 0, refused: row.count },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        Timestamp::from_micros(time.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn starts(from: &str, to: &str, granularity: Granularity) -> Vec<String> {
        let range = UsageRange { from: at(from), to: at(to), granularity };
        let shown = |start: &Timestamp| {
            jiff::Timestamp::from_microsecond(start.as_micros()).unwrap().to_string()
        };
        range.starts().unwrap().iter().map(shown).collect()
    }

    #[test]
    fn sum_is_saturated_when_a_part_is_or_when_it_reaches_the_end() {
        const MOST: u64 = UsageRow::MOST;
        let tally = |accepted, refused| Tally { accepted, refused };
        for (sum, part, together) in [
            (tally(MOST, 0), tally(0, 0), tally(MOST, 0)),
            (tally(MOST, 1), tally(MOST, 2), tally(MOST, 3)),
            (tally(0, 5), tally(7, MOST), tally(7, MOST)),
            (tally(MOST - 1, 0), tally(1, 0), tally(MOST, 0)),
            (tally(u64::MAX, 0), tally(u64::MAX, 0), tally(MOST, 0)),
        ] {
            assert_eq!(sum.saturating_add(part), together);
            assert_eq!(part.saturating_add(sum), together);
            assert!(together.is_saturated(), "{together:?}");
        }
        for below in [tally(0, 0), tally(MOST - 1, MOST - 1)] {
            assert!(!below.is_saturated(), "{below:?}");
        }
    }

    #[test]
    fn buckets_are_whole_hours_days_and_months() {
        let hours = starts("2026-11-22T10:59:59Z", "2026-11-22T12:00:00Z", Granularity::Hour);
        assert_eq!(hours, ["2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z"]);
        let days = starts("2028-02-28T23:00:00Z", "2028-03-01T00:00:00.000001Z", Granularity::Day);
        assert_eq!(days.len(), 4, "the leap day, and the one that has just begun: {days:?}");
        let months = starts("2026-01-31T00:00:00Z", "2026-04-01T00:00:00Z", Granularity::Month);
        let firsts = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"];
        assert_eq!(months, firsts.map(|day| format!("{day}T00:00:00Z")));
    }

    #[test]
    fn unreasonable_ranges_are_refused() {
        let of = |from, to| UsageRange { from, to, granularity: Granularity::Hour }.starts();
        let now = at("2026-11-22T00:00:00Z");
        assert!(matches!(of(now, now), Err(UsageError::EmptyRange)));
        assert!(matches!(of(now, Timestamp::MAX), Err(UsageError::EmptyRange)));
        let years = at("2036-11-22T00:00:00Z");
        assert!(matches!(of(now, years), Err(UsageError::TooManyBuckets { .. })));
    }
}
