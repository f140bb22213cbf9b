use core::fmt;
use core::str::FromStr;

use crate::format::MAX_PREFIX;
use crate::presented_key::DIGITS;

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

    /// Reads [`as_str`](Self::as_str)'s form back. Longer text is refused, so that a key that was
    /// stored in a hint's place by mistake is never shown.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if text.is_empty() || text.len() > MAX_HINT || !text.bytes().all(allowed) {
            return Err(InvalidKeyHint);
        }
        Ok(Self::copy(text.as_bytes()))
    }
}

/// The text is not a prefix and 8 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hint is a key's prefix and first 8 digits, at most 30 of [a-z0-9_]")]
pub struct InvalidKeyHint;

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
    fn whole_key_is_no_hint() {
        let key = std::format!("tk_live_{}", "a".repeat(64));
        assert_eq!(key.parse::<KeyHint>(), Err(InvalidKeyHint));
        assert_eq!("tk live".parse::<KeyHint>(), Err(InvalidKeyHint));
        assert_eq!("".parse::<KeyHint>(), Err(InvalidKeyHint));
    }
}
