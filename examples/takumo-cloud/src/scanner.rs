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

/// Whether the text has a key, or the beginning of one: what may be neither stored nor logged.
pub(crate) fn mentions_key(text: &str) -> bool {
    Environment::ALL.iter().any(|environment| {
        text.match_indices(FORMAT.prefix(*environment)).any(|(start, prefix)| {
            let digits = text[start + prefix.len()..].bytes();
            digits.take_while(u8::is_ascii_hexdigit).count() > DIGITS_OF_A_HINT
        })
    })
}

/// So many digits are public: every list shows them.
const DIGITS_OF_A_HINT: usize = 8;

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
}
