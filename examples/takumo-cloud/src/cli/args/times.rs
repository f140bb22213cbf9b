use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};
use keyfob::{MOST_OVERLAP, Timestamp};

use crate::takumo::MAX_LIFE;
use crate::time::Moment;

/// How long a key lives: `90d`. A day has 24 hours here, and a month no fixed length at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime(pub(crate) Duration);

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match span(text) {
            Some(duration) if (1..=MAX_LIFE).contains(&duration.as_secs()) => Ok(Self(duration)),
            _ => Err(InvalidLifetime),
        }
    }
}

/// The text is no span of time that a key could live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give weeks, days, hours, minutes or seconds, up to 100 years: 90d, 12h, \"1w 2d\"")]
pub(crate) struct InvalidLifetime;

/// How long an old secret works beside a new one: `24h`, or `0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overlap(pub(crate) Duration);

impl FromStr for Overlap {
    type Err = InvalidOverlap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match if text == "0" { Some(Duration::ZERO) } else { span(text) } {
            Some(duration) if duration <= MOST_OVERLAP => Ok(Self(duration)),
            _ => Err(InvalidOverlap),
        }
    }
}

/// The text is no span of time that an old secret may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give days, hours, minutes or seconds, at most 7d: 24h, or 0 for no overlap")]
pub(crate) struct InvalidOverlap;

/// How long to wait for something: `10s`, at most 10 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience(pub(crate) Duration);

impl FromStr for Patience {
    type Err = InvalidPatience;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const MOST: Duration = Duration::from_secs(10 * 60);
        span(text).filter(|wait| *wait <= MOST).map(Self).ok_or(InvalidPatience)
    }
}

/// The text is no span of time to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give seconds or minutes, at most 10m: 5s, 1m; the key's id comes before this option")]
pub(crate) struct InvalidPatience;

fn span(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    Duration::try_from(span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?).ok()
}

/// A moment, or the first one of a day, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct When(pub(crate) Timestamp);

impl FromStr for When {
    type Err = InvalidWhen;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(Moment(at)) = text.parse() {
            return Ok(Self(at));
        }
        let date: Date =
            text.parse().ok().filter(|_| text.len() == "0000-00-00".len()).ok_or(InvalidWhen)?;
        let start = date.to_zoned(TimeZone::UTC).map_err(|_| InvalidWhen)?.timestamp();
        Ok(Self(Timestamp::from_micros(start.as_microsecond())))
    }
}

/// The text is neither a moment nor a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give a day or a time, UTC: 2030-01-31, or 2030-01-31T09:30:00Z")]
pub(crate) struct InvalidWhen;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetime_is_a_span_of_fixed_length() {
        let days = |days: u64| Ok(Lifetime(Duration::from_secs(days * 24 * 60 * 60)));
        assert_eq!("90d".parse(), days(90));
        assert_eq!("1w 2d".parse(), days(9));
        assert_eq!("24h".parse(), days(1));
        for bad in ["", "0s", "-1d", "1 month", "1y", "90", "soon", "5300w"] {
            assert_eq!(bad.parse::<Lifetime>(), Err(InvalidLifetime), "{bad}");
        }
    }

    #[test]
    fn overlap_is_at_most_seven_days() {
        assert_eq!("0".parse(), Ok(Overlap(Duration::ZERO)));
        assert_eq!("0s".parse(), Ok(Overlap(Duration::ZERO)));
        assert_eq!("7d".parse(), Ok(Overlap(MOST_OVERLAP)));
        for bad in ["", "604801s", "8d", "-1s", "1", "soon"] {
            assert_eq!(bad.parse::<Overlap>(), Err(InvalidOverlap), "{bad}");
        }
    }

    #[test]
    fn patience_is_at_most_ten_minutes() {
        assert_eq!("10m".parse(), Ok(Patience(Duration::from_secs(600))));
        assert_eq!("0s".parse(), Ok(Patience(Duration::ZERO)));
        for bad in ["", "601s", "-1s", "5", "soon"] {
            assert_eq!(bad.parse::<Patience>(), Err(InvalidPatience), "{bad}");
        }
    }

    #[test]
    fn day_is_its_first_moment() {
        let when = |text: &str| text.parse().map(|When(at)| at.as_micros());
        assert_eq!(when("1970-01-02"), Ok(86_400_000_000));
        assert_eq!(when("1970-01-01T00:00:01Z"), Ok(1_000_000));
        for bad in ["", "2030", "2030-01", "2030-02-30", "20300131", "2030-01-31T09:30", "soon"] {
            assert_eq!(when(bad), Err(InvalidWhen), "{bad}");
        }
    }
}
