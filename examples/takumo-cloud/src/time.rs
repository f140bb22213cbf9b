//! Times in JSON and on the terminal: RFC 3339, UTC.

use std::str::FromStr;

use keyfob::Timestamp;

/// The moment as text, such as `2025-01-31T09:30:00.123456Z`.
///
/// RFC 3339 has the years 0 to 9999; what lies beyond is shown as the edge of it.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    const YEAR_0: i64 = -62_167_219_200_000_000;
    let micros = at.as_micros().max(YEAR_0);
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The same to the second, for tables.
pub(crate) fn short(at: Timestamp) -> String {
    let micros = at.as_micros();
    rfc3339(Timestamp::from_micros(micros.saturating_sub(micros.rem_euclid(1_000_000))))
}

/// A moment as RFC 3339 has it, of any offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !has_the_shape(text.as_bytes()) {
            return Err(InvalidMoment);
        }
        let at: jiff::Timestamp = text.parse().map_err(|_| InvalidMoment)?;
        Ok(Self(Timestamp::from_micros(at.as_microsecond())))
    }
}

/// RFC 3339 §5.6. The parser knows other notations as well, which an API would have to keep.
fn has_the_shape(text: &[u8]) -> bool {
    let fits = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text.iter().zip(shape).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                _ => byte.eq_ignore_ascii_case(wanted),
            })
    };
    let Some((seconds, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let offset = match rest.split_first() {
        Some((b'.', rest)) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &rest[digits..]
        }
        _ => rest,
    };
    fits(seconds, b"0000-00-00T00:00:00")
        && [&b"Z"[..], b"+00:00", b"-00:00"].iter().any(|shape| fits(offset, shape))
}

/// The text is no moment that RFC 3339 can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time as RFC 3339 has it, such as 2025-01-31T09:30:00Z")]
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
    fn what_rfc_3339_can_not_say_stays_at_its_edge() {
        assert!(rfc3339(Timestamp::MAX).starts_with("9999-12-30"));
        assert_eq!(rfc3339(Timestamp::from_micros(i64::MIN)), "0000-01-01T00:00:00Z");
    }
}
