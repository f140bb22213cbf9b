//! Times in JSON and on the terminal: RFC 3339, UTC.

use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use keyfob::Timestamp;

/// The moment from which a [`Timestamp`] counts.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The first moment that RFC 3339 can express: the years 0 to 9999.
const YEAR_0: DateTime = DateTime::constant(0, 1, 1, 0, 0, 0, 0);

/// Formats a moment, such as `2025-01-31T09:30:00.123456Z`.
///
/// RFC 3339 covers the years 0 to 9999. A moment outside of them is shown as the nearest edge.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let edge = if at.as_micros() < 0 { YEAR_0 } else { DateTime::MAX };
    let since_epoch = SignedDuration::from_micros(at.as_micros());
    let at = EPOCH.checked_add(since_epoch).unwrap_or(edge).max(YEAR_0);
    format!("{at}Z")
}

/// The same to the second, for tables.
pub(crate) fn short(at: Timestamp) -> String {
    let micros = at.as_micros();
    rfc3339(Timestamp::from_micros(micros.saturating_sub(micros.rem_euclid(1_000_000))))
}

/// A moment in the notation of RFC 3339, at any offset.
///
/// All of the years 0 to 9999 are accepted, `9999-12-31T23:59:59Z` included: many clients send it
/// for "never". It is kept as the moment that it is. Digits after the microseconds are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (local, offset) = split(text).ok_or(InvalidMoment)?;
        let local: DateTime = local.parse().map_err(|_| InvalidMoment)?;
        let micros = EPOCH.duration_until(local).checked_sub(offset).ok_or(InvalidMoment)?;
        let micros = i64::try_from(micros.as_nanos().div_euclid(1_000));
        Ok(Self(Timestamp::from_micros(micros.map_err(|_| InvalidMoment)?)))
    }
}

/// Splits a text of the shape of RFC 3339, section 5.6, into local time and offset. The date parser
/// accepts more notations, which an API would then have to keep.
fn split(text: &str) -> Option<(&str, SignedDuration)> {
    let (seconds, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    let fraction = match rest.strip_prefix('.') {
        Some(digits) => 1 + digits.bytes().take_while(u8::is_ascii_digit).count(),
        None => 0,
    };
    let offset = rest.get(fraction..)?;
    if !fits(seconds, b"0000-00-00T00:00:00") || fraction == 1 {
        return None;
    }
    let offset = match *offset.as_bytes() {
        [b'Z' | b'z'] => SignedDuration::ZERO,
        [sign @ (b'+' | b'-'), ..] if fits(&offset[1..], b"00:00") => {
            let hours = offset[1..3].parse().ok().filter(|hours| *hours <= 23)?;
            let minutes = offset[4..].parse().ok().filter(|minutes| *minutes <= 59)?;
            let offset = SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes);
            if sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some((&text[..seconds.len() + fraction], offset))
}

/// Whether the text has a digit where the shape has a zero, and the shape's character elsewhere.
fn fits(text: &str, shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            _ => byte.eq_ignore_ascii_case(wanted),
        })
}

/// The text is not a time in the notation of RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a time in the notation of RFC 3339, of the years 0000 to 9999, such as \
     2025-01-31T09:30:00Z"
)]
pub(crate) struct InvalidMoment;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_rfc_3339_and_nothing_else() {
        let at = |text: &str| text.parse().map(|Moment(at)| at.as_micros());
        assert_eq!(at("2022-02-22T19:22:22.000001Z"), Ok(1_645_557_742_000_001));
        assert_eq!(at("2022-02-22t20:22:22+01:00"), Ok(1_645_557_742_000_000));
        assert_eq!(at("0001-01-01T00:00:00z"), Ok(-62_135_596_800_000_000));
        assert_eq!(at("2022-02-22T18:52:22.0000019-00:30"), Ok(1_645_557_742_000_001));
        assert_eq!(at("1969-12-31T23:59:59.9999999Z"), Ok(-1));
        for bad in [
            "",
            "now",
            "2022",
            "1645557742",
            "2022-02-22",
            "2022-02-22T19:22:22",
            "2022-02-22 19:22:22Z",
            "2022-02-22T19:22Z",
            "2022-02-22T19:22:22.Z",
            "2022-02-22T19:22:22+0100",
            "2022-02-22T19:22:22 01:00",
            "2022-02-22T19:22:22Z[UTC]",
            "2022-02-30T00:00:00Z",
            "2022-02-22T24:00:00Z",
            "20220222T192222Z",
            "+002022-02-22T19:22:22Z",
            "-000001-01-01T00:00:00Z",
            "２022-02-22T19:22:22Z",
            "99999-01-01T00:00:00Z",
            "2022-02-22T19:22:22+24:00",
            "2022-02-22T19:22:22-23:60",
            "2022-02-22T19:22:22+-1:00",
            "2022-02-22T19:22:22é",
        ] {
            assert_eq!(at(bad), Err(InvalidMoment), "{bad}");
        }
    }

    #[test]
    fn text_is_rfc_3339_in_utc() {
        let at = Timestamp::from_micros(1_645_557_742_000_001);
        assert_eq!(rfc3339(at), "2022-02-22T19:22:22.000001Z");
        assert_eq!(short(at), "2022-02-22T19:22:22Z");
    }

    #[test]
    fn every_year_of_rfc_3339_is_accepted_and_shown_as_it_was_sent() {
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "0000-01-01T00:00:00Z"]
        {
            assert_eq!(text.parse().map(|Moment(at)| rfc3339(at)), Ok(text.to_owned()));
        }
        for text in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"] {
            assert!(text.parse::<Moment>().is_ok(), "{text}");
        }
    }

    #[test]
    fn moment_beyond_the_years_of_rfc_3339_is_shown_as_their_edge() {
        assert_eq!(rfc3339(Timestamp::MAX), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(Timestamp::from_micros(i64::MIN)), "0000-01-01T00:00:00Z");
    }
}
