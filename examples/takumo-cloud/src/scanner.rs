//! Finds keys of this service's format in a text.

use std::ops::Range;

use keyfob::{Environment, PresentedKey};

use crate::takumo::FORMAT;

/// A key that stands in a text.
#[derive(Clone, Debug)]
pub(crate) struct FoundKey<'t> {
    /// Where, in bytes.
    pub(crate) range: Range<usize>,
    /// The key, which can be asked for its hint and its hash only.
    pub(crate) key: PresentedKey<'t>,
}

/// Every well-formed key of the text, in order. What stands around it does not matter: a key that
/// was pasted into a longer word has leaked all the same.
pub(crate) fn find_keys(text: &str) -> impl Iterator<Item = FoundKey<'_>> {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(start) = next_prefix(bytes, from) {
            from = start + 1;
            let range = start..start + FORMAT.key_len();
            if let Some(Ok(key)) = bytes.get(range.clone()).map(|slice| FORMAT.parse(slice)) {
                from = range.end;
                return Some(FoundKey { range, key });
            }
        }
        None
    })
}

/// Finds a key, or the beginning of one, in a text that may be neither stored nor logged.
///
/// Letter case makes no difference, and neither do layers of percent-encoding.
pub(crate) fn mentions_key(text: &str) -> bool {
    in_any_spelling(text, has_prefix_and_digits)
}

/// Finds what [`mentions_key`] finds, and also the bare digits of a key.
///
/// It is for logs, which lose little by a text that is left out.
pub(crate) fn may_hold_key(text: &str) -> bool {
    in_any_spelling(text, |bytes| {
        has_prefix_and_digits(bytes)
            || bytes.split(|byte| !byte.is_ascii_hexdigit()).any(|run| run.len() >= MIN_BARE_DIGITS)
    })
}

/// The number of digits that every list shows.
const DIGITS_OF_A_HINT: usize = 8;
/// A run of hex digits of this length is taken for a part of a key.
const MIN_BARE_DIGITS: usize = 32;

fn in_any_spelling(text: &str, holds: impl Fn(&[u8]) -> bool) -> bool {
    holds(text.as_bytes()) || (text.contains('%') && holds(&percent_decoded(text)))
}

fn has_prefix_and_digits(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let mut from = 0;
    while let Some(start) = next_prefix(&lower, from) {
        from = start + FORMAT.prefix(Environment::Live).len();
        let digits = lower[from..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > DIGITS_OF_A_HINT {
            return true;
        }
    }
    false
}

/// Undoes every layer of percent-encoding in one pass, so a long text takes linear time.
///
/// A decoded byte can complete another escape. Escapes never overlap, so the order in which they
/// are decoded makes no difference to the result.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        decoded.push(byte);
        while let [.., b'%', high, low] = decoded[..] {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (Some(high), Some(low)) = (digit(high), digit(low)) else { break };
            decoded.truncate(decoded.len() - 3);
            decoded.extend(u8::try_from(high * 16 + low));
        }
    }
    decoded
}

fn next_prefix(bytes: &[u8], from: usize) -> Option<usize> {
    let [live, test] = Environment::ALL.map(|environment| FORMAT.prefix(environment).as_bytes());
    let rest = bytes.get(from..)?;
    let at = rest.windows(live.len()).position(|window| window == live || window == test)?;
    Some(from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(text: &str) -> Vec<(usize, usize)> {
        find_keys(text).map(|found| (found.range.start, found.range.end)).collect()
    }

    #[test]
    fn keys_are_found_wherever_they_stand() {
        let live = format!("tk_live_{}", "0a".repeat(32));
        let test = format!("tk_test_{}", "f1".repeat(32));
        assert_eq!(ranges(&live), [(0, 72)]);
        assert_eq!(ranges(&format!("é={live};{test}\n")), [(3, 75), (76, 148)]);
        assert_eq!(ranges(&format!("tk_live_{live}{test}x")), [(8, 80), (80, 152)]);
    }

    #[test]
    fn what_is_no_key_is_not_found() {
        let short = format!("tk_live_{}", "a".repeat(63));
        let upper = format!("tk_live_{}", "A".repeat(64));
        for text in ["", "tk_live_", &short, &upper, "tk_prod_", &"é".repeat(80)] {
            assert!(ranges(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn part_of_a_key_is_a_mention_and_a_hint_is_none() {
        assert!(mentions_key("/v1/tk_test_0123456789ab"));
        assert!(mentions_key("tk_live_A1B2C3D4E"));
        assert!(!mentions_key("tk_live_a1b2c3d4…"));
        assert!(!mentions_key("tk_live_"));
    }

    #[test]
    fn encoded_keys_are_mentions() {
        let digits = "a1b2c3d4e5f60718";
        for prefix in ["tk%5Flive_", "%74k_live_", "%2574k_live_", "TK_LIVE_", "tk%2%35%35flive_"] {
            assert!(mentions_key(&format!("/v1/keys/{prefix}{digits}")), "{prefix}");
        }
        for text in ["%", "%%", "%zz", "100%", "tk%5Flive_a1b2c3d4", "/v1/keys/%E6%97%A5"] {
            assert!(!mentions_key(text), "{text}");
            assert!(!may_hold_key(text), "{text}");
        }
        assert!(may_hold_key(&"0a".repeat(16)));
        assert!(!may_hold_key("019b0d5e-7c1f-7a52-9d0e-3f1f6d3c2b1a"));
    }

    #[test]
    fn layers_are_decoded_to_the_last() {
        let deep = format!("%{}5F", "25".repeat(100_000));
        assert_eq!(percent_decoded(&deep), b"_");
    }

    proptest::proptest! {
        #[test]
        fn no_mixture_of_encodings_hides_a_key(
            digits in "[0-9a-fA-F]{64}",
            before in "[a-z/%]{0,20}/",
            rounds in proptest::collection::vec(
                proptest::collection::vec(proptest::option::weighted(0.3, proptest::bool::ANY), 31),
                0..4,
            ),
        ) {
            // Each round encodes some bytes, among them those of earlier escapes.
            let spelled = rounds.iter().fold(format!("tk_live_{digits}"), |text, round| {
                let choices = text.bytes().zip(round.iter().cycle());
                choices.map(|(byte, choice)| match choice {
                    None => char::from(byte).to_string(),
                    Some(true) => format!("%{byte:02X}"),
                    Some(false) => format!("%{byte:02x}"),
                }).collect()
            });
            let path = format!("/{before}{spelled}");
            proptest::prop_assert!(mentions_key(&path), "{path}");
            proptest::prop_assert!(may_hold_key(&path), "{path}");
        }
    }
}
