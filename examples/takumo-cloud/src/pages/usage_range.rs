//! Which usage a page or a file tells.

use std::str::FromStr;

use keyfob::{
    Granularity, Hour, KeyStore as _, Timestamp, UsageGrain, UsageQuery, UsageRange, UsageReport,
    UsageRow,
};

use super::charts::{self, Label};
use super::signed_in::SignedIn;
use crate::app::App;
use crate::error::ApiError;

/// A span of time up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Window {
    Day,
    #[default]
    Week,
    Month,
    Year,
}

impl Window {
    pub(super) const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// The word for it in an address.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Year => "12m",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Year => "12 months",
        }
    }

    /// What a bar is.
    pub(super) const fn unit(self) -> &'static str {
        match self.grain() {
            Granularity::Hour => "an hour",
            Granularity::Day => "a day",
            Granularity::Month => "a month",
        }
    }

    pub(super) fn label(self) -> Label {
        match self.grain() {
            Granularity::Hour => charts::hour,
            Granularity::Day => charts::day,
            Granularity::Month => charts::month,
        }
    }

    const fn grain(self) -> Granularity {
        match self {
            Self::Day | Self::Week => Granularity::Hour,
            Self::Month => Granularity::Day,
            Self::Year => Granularity::Month,
        }
    }

    fn range(self, now: Timestamp) -> UsageRange {
        let hours: i64 = match self {
            Self::Day => 23,
            Self::Week => 7 * 24 - 1,
            Self::Month => 29 * 24,
            // In the middle of the month eleven months ago, or near it.
            Self::Year => 335 * 24,
        };
        let from = Hour::from_number(Hour::of(now).number() - hours).start();
        UsageRange { from, to: now, granularity: self.grain() }
    }
}

impl FromStr for Window {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|window| window.as_str() == word);
        named.ok_or("must be `24h`, `7d`, `30d` or `12m`")
    }
}

/// What the organization's keys came to.
pub(super) struct Figures {
    pub(super) report: UsageReport,
    /// By outcome as well, in order of time.
    pub(super) rows: Vec<UsageRow>,
}

impl Figures {
    pub(super) async fn read(app: &App, by: &SignedIn, window: Window) -> Result<Self, ApiError> {
        let report = app.keys.usage(by.organization_id(), window.range(by.now)).await?;
        let query = UsageQuery {
            from: Hour::of(report.from),
            to: Hour::of(report.to),
            key: None,
            grain: match window.grain() {
                Granularity::Hour => UsageGrain::Hour,
                Granularity::Day | Granularity::Month => UsageGrain::Day,
            },
        };
        let mut rows = app.keys.store().usage(by.organization_id(), query).await?;
        rows.sort_by_key(|row| (row.hour, row.key, row.outcome));
        Ok(Self { report, rows })
    }

    /// The start of the bucket that this row falls into.
    pub(super) fn bucket_of(&self, row: &UsageRow) -> Timestamp {
        let at = row.hour.start();
        let after = self.report.buckets.partition_point(|bucket| bucket.start <= at);
        self.report.buckets.get(after.saturating_sub(1)).map_or(at, |bucket| bucket.start)
    }
}
