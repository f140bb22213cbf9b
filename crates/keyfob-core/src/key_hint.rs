use core::fmt;
use core::str::FromStr;

use crate::Environment;
use crate::error_message::error_message;
use crate::format::{MAX_PREFIX, is_brand};
use crate::presented_key::{DIGITS, all_lower_hex};

/// The part of a key that may be shown: its prefix and its first 8 digits, `tk_live_a1b2c3d4…`.
///
/// It lets a person recognise a key in a list and leaves 224 of its 256 bits unknown. The ellipsis
/// of `Display` keeps it from being mistaken for a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHint {
    bytes: [u8; MAX_HINT],
    len: u8,
}

const SHOWN_DIGITS: usize = 8;
const MAX_HINT: usize = MAX_PREFIX + SHOWN_DIGITS;

impl KeyHint {
    /// The hint without its ellipsis, as a store keeps it: `tk_live_a1b2c3d4`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.len)])
            .expect("a hint is made of checked ASCII only")
    }

    /// Of a well-formed key: everything but its last 56 digits.
    pub(crate) fn of_key(key: &[u8]) -> Self {
        Self::copy(&key[..key.len() - (DIGITS - SHOWN_DIGITS)])
    }

    fn copy(shown: &[u8]) -> Self {
        let mut bytes = [0; MAX_HINT];
        bytes[..shown.len()].copy_from_slice(shown);
        let len = u8::try_from(shown.len()).expect("a hint is at most 30 bytes");
        Self { bytes, len }
    }
}

impl fmt::Display for KeyHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        f.write_str("…")
    }
}

impl fmt::Debug for KeyHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHint({self})")
    }
}

impl FromStr for KeyHint {
    type Err = InvalidKeyHint;

    /// Reads [`as_str`](Self::as_str)'s form back, of any brand: exactly a prefix and 8 digits, so
    /// that a key, or more of one, that was stored in a hint's place by mistake is never shown.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_hint(text) { Ok(Self::copy(text.as_bytes())) } else { Err(InvalidKeyHint) }
    }
}

fn is_hint(text: &str) -> bool {
    let Some((prefix, digits)) = text.as_bytes().split_last_chunk::<SHOWN_DIGITS>() else {
        return false;
    };
    let brand = Environment::ALL.iter().find_map(|of| prefix.strip_suffix(of.infix()));
    brand.is_some_and(is_brand) && all_lower_hex(digits)
}

/// The text is not a prefix and 8 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKeyHint;

error_message!(
    InvalidKeyHint,
    "a hint is a key's prefix and first 8 digits, such as tk_live_a1b2c3d4"
);

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use crate::KeyFormat;

    use super::*;

    #[test]
    fn hint_shows_the_prefix_and_eight_digits() {
        let key = std::format!("tk_live_a1b2c3d4{}", "e".repeat(56));
        let hint = KeyFormat::new("tk").parse(&key).unwrap().hint();
        assert_eq!(hint.to_string(), "tk_live_a1b2c3d4…");
        assert_eq!(hint.as_str().parse(), Ok(hint));
    }

    #[test]
    fn only_a_prefix_and_eight_digits_are_a_hint() {
        assert!("a_test_00000000".parse::<KeyHint>().is_ok());
        let key = std::format!("tk_live_{}", "a".repeat(64));
        for bad in [
            "",
            "tk_live_",
            "a1b2c3d4",
            "_live_a1b2c3d4",
            "tk_prod_a1b2c3d4",
            "tk live_a1b2c3d4",
            "tk_live_A1b2c3d4",
            "tk_live_a1b2c3d4…",
            "abcdefghijklmnopq_live_a1b2c3d4",
            &key[..15],
            &key[..17],
            &key[..30],
            &key,
        ] {
            assert_eq!(bad.parse::<KeyHint>(), Err(InvalidKeyHint), "{bad}");
        }
    }
}
