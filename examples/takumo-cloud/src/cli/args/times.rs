use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Zoned};
use keyfob::{MOST_OVERLAP, Timestamp};

use crate::takumo::MAX_LIFE;
use crate::time::Moment;

/// How long a key lives from now on: `90d`, `6mo`, `1y`. A day has 24 hours. Months and years are
/// those of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime(pub(crate) Duration);

impl Lifetime {
    fn from(now: DateTime, text: &str) -> Option<Self> {
        let span: Span = text.parse().ok()?;
        let life = Duration::try_from(now.duration_until(now.checked_add(span).ok()?)).ok()?;
        (1..=MAX_LIFE).contains(&life.as_secs()).then_some(Self(life))
    }
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let now = Zoned::now().with_time_zone(TimeZone::UTC).datetime();
        Self::from(now, text).ok_or(InvalidLifetime)
    }
}

/// The text is not a span of time that a key can live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give a span of up to 100 years: 12h, 90d, 6mo, 1y, or \"1w 2d\"")]
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
        // The date parser accepts more notations.
        let day: Date = text.parse().map_err(|_| InvalidWhen)?;
        if day.to_string() != text {
            return Err(InvalidWhen);
        }
        let Moment(start) = format!("{day}T00:00:00Z").parse().map_err(|_| InvalidWhen)?;
        Ok(Self(start))
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
    fn lifetime_is_a_span_from_now_on() {
        let now = DateTime::constant(2027, 12, 1, 12, 0, 0, 0);
        let days = |text| Lifetime::from(now, text).map(|life| life.0.as_secs_f64() / 86_400.0);
        assert_eq!(days("90d"), Some(90.0));
        assert_eq!(days("1w 2d"), Some(9.0));
        assert_eq!(days("12h"), Some(0.5));
        assert_eq!(days("6mo"), Some(183.0));
        assert_eq!(days("1 month"), Some(31.0));
        assert_eq!(days("1y"), Some(366.0), "2028 is a leap year");
        assert_eq!(days("10y"), Some(3653.0));
        for bad in ["", "0s", "-1d", "90", "soon", "5300w", "101y", "9000y", "99999999999999y"] {
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
        assert_eq!(when("9999-12-31"), Ok(253_402_214_400_000_000));
        for bad in ["", "2030", "2030-01", "2030-02-30", "20300131", "2030-01-31T09:30", "soon"] {
            assert_eq!(when(bad), Err(InvalidWhen), "{bad}");
        }
    }
}
