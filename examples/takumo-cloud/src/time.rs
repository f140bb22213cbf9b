//! Times in JSON and on the terminal: RFC 3339, UTC.

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

#[cfg(test)]
mod tests {
    use super::*;

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
