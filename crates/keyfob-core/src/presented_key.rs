use core::fmt;

use crate::{Environment, KeyFormat, KeyHash, KeyHint};

/// How many hex digits follow the prefix: 256 random bits.
pub(crate) const DIGITS: usize = 64;

/// A key as a client presented it, well-formed but not yet known to be anyone's.
///
/// It borrows the input and can be asked for what the input says openly (the environment, the hint)
/// and for its hash; the key itself can't be read back out of it, and `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct PresentedKey<'k> {
    bytes: &'k [u8],
    environment: Environment,
}

impl<'k> PresentedKey<'k> {
    pub(crate) fn parse(format: &KeyFormat, bytes: &'k [u8]) -> Result<Self, InvalidKey> {
        let environment = if bytes.starts_with(format.prefix_bytes(Environment::Live)) {
            Environment::Live
        } else if bytes.starts_with(format.prefix_bytes(Environment::Test)) {
            Environment::Test
        } else {
            return Err(InvalidKey::Prefix);
        };
        if bytes.len() != format.key_len() {
            return Err(InvalidKey::Length { expected: format.key_len(), found: bytes.len() });
        }
        // The length was just checked, so the last 64 bytes are the digits.
        match bytes.last_chunk::<DIGITS>() {
            Some(digits) if all_lower_hex(digits) => Ok(Self { bytes, environment }),
            _ => Err(InvalidKey::Character),
        }
    }

    /// The environment that the prefix names.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// SHA-256 (FIPS 180-4) of the whole presented text, prefix included: 32 bytes, the same that
    /// `printf %s "$KEY" | sha256sum` prints.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::digest(self.bytes)
    }

    /// The part that may be shown: the prefix and the first 8 digits.
    #[must_use]
    pub fn hint(&self) -> KeyHint {
        KeyHint::of_key(self.bytes)
    }
}

/// Whether all are `[0-9a-f]`. It looks at every byte whatever it finds and has no branch on one,
/// so the time does not tell where the first wrong digit stands; the compiler makes it vector code.
#[expect(clippy::needless_bitwise_bool, reason = "`&&` is a branch")]
pub(crate) fn all_lower_hex<const N: usize>(digits: &[u8; N]) -> bool {
    digits.iter().fold(true, |ok, byte| {
        let digit = byte.wrapping_sub(b'0') < 10;
        let letter = byte.wrapping_sub(b'a') < 6;
        ok & (digit | letter)
    })
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedKey")
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// Why a text is no key of the format. It tells what is wrong and holds none of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// It does not start with the brand and `_live_` or `_test_`.
    Prefix,
    /// The prefix is right and the length is not. Both are in bytes.
    Length {
        /// The length of every key of the format.
        expected: usize,
        /// The length of the text.
        found: usize,
    },
    /// Prefix and length are right, and what follows the prefix is not 64 of `[0-9a-f]`.
    Character,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix => f.write_str("the key does not start with this service's prefix"),
            Self::Length { expected, found } => write!(
                f,
                "the key is {found} bytes long instead of {expected}: was it copied whole?"
            ),
            Self::Character => {
                f.write_str("the key has a character other than 0-9 and a-f after its prefix")
            }
        }
    }
}

impl core::error::Error for InvalidKey {}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    const TK: KeyFormat = KeyFormat::new("tk");

    fn with_digits(digits: &str) -> Result<(), InvalidKey> {
        TK.parse(&format!("tk_live_{digits}")).map(|_| ())
    }

    #[test]
    fn prefix_comes_first() {
        for text in
            ["", "t", "tk", "tk_", "tk_live", "TK_LIVE_", "sk_live_", "tk_prod_", " tk_live_"]
        {
            assert_eq!(TK.parse(text).unwrap_err(), InvalidKey::Prefix, "{text:?}");
        }
        let other_brand = format!("sk_live_{}", "a".repeat(64));
        assert_eq!(TK.parse(&other_brand).unwrap_err(), InvalidKey::Prefix);
    }

    #[test]
    fn length_comes_before_characters() {
        for digits in [0, 1, 63, 65, 8_192] {
            let expected = InvalidKey::Length { expected: 72, found: 8 + digits };
            assert_eq!(with_digits(&"G".repeat(digits)), Err(expected));
        }
    }

    #[test]
    fn every_byte_but_lower_hex_is_refused_in_every_place() {
        let good = [b'0'; DIGITS];
        for place in 0..DIGITS {
            for byte in 0..=u8::MAX {
                let mut digits = good;
                digits[place] = byte;
                let hex = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                assert_eq!(all_lower_hex(&digits), hex, "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for digits in [
            "A".repeat(64),
            format!("{} ", "a".repeat(63)),
            format!("{}\0", "a".repeat(63)),
            // U+FF10, full-width zero: three bytes, so that the length in bytes is right.
            format!("{}\u{ff10}", "a".repeat(61)),
        ] {
            assert_eq!(with_digits(&digits), Err(InvalidKey::Character));
        }
    }

    #[test]
    fn nothing_of_the_key_is_shown() {
        let key = format!("tk_live_{}", "0123456789abcdef".repeat(4));
        let shown = format!("{:?}", TK.parse(&key).unwrap());
        assert_eq!(shown, "PresentedKey { environment: Live, .. }");
        for wrong in [&key[1..], &key[..71], &key.replace('f', "F")] {
            let error = TK.parse(wrong).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("0123"), "{shown}");
        }
    }
}
