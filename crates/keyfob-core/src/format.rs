use crate::Environment;
use crate::environment::INFIX_LEN;
use crate::error_message::error_message;
use crate::presented_key::{DIGITS, InvalidKey, PresentedKey};

/// The shape of an embedder's keys: `{brand}_{live|test}_` and 64 lower-case hex digits.
///
/// ```
/// use keyfob_core::{Environment, KeyFormat};
///
/// const FORMAT: KeyFormat = KeyFormat::new("tk");
/// assert_eq!(FORMAT.prefix(Environment::Test), "tk_test_");
/// ```
///
/// A brand that breaks the rules does not compile in const position:
///
/// ```compile_fail,E0080
/// const FORMAT: keyfob_core::KeyFormat = keyfob_core::KeyFormat::new("Tk");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFormat {
    live: [u8; MAX_PREFIX],
    test: [u8; MAX_PREFIX],
    prefix_len: usize,
}

const MAX_BRAND: usize = 16;
const BRAND_RULE: &str =
    "a brand is 1 to 16 of [a-z0-9_], starts with a letter and does not end in _";
pub(crate) const MAX_PREFIX: usize = MAX_BRAND + INFIX_LEN;

impl KeyFormat {
    /// The format of a brand that is known when the program is written.
    ///
    /// # Panics
    /// When the brand breaks the rules of [`try_new`](Self::try_new): in const position, which is
    /// where a brand belongs, that is a compile error.
    #[must_use]
    pub const fn new(brand: &str) -> Self {
        match Self::try_new(brand) {
            Ok(format) => format,
            Err(InvalidBrand) => panic!("{}", BRAND_RULE),
        }
    }

    /// The format of a brand that is known only at run time.
    ///
    /// # Errors
    /// [`InvalidBrand`] unless the brand is 1 to 16 bytes of `[a-z0-9_]`, starts with a letter and
    /// does not end in `_`.
    pub const fn try_new(brand: &str) -> Result<Self, InvalidBrand> {
        let brand = brand.as_bytes();
        if !is_brand(brand) {
            return Err(InvalidBrand);
        }
        Ok(Self {
            live: prefix(brand, Environment::Live),
            test: prefix(brand, Environment::Test),
            prefix_len: brand.len() + INFIX_LEN,
        })
    }

    /// What every key of this environment starts with, such as `tk_live_`.
    #[must_use]
    pub fn prefix(&self, environment: Environment) -> &str {
        core::str::from_utf8(self.prefix_bytes(environment))
            .expect("a brand and an infix are ASCII, checked when the format was made")
    }

    /// The length of every key of this format, in bytes: 72 for the brand `tk`.
    #[must_use]
    pub const fn key_len(&self) -> usize {
        self.prefix_len + DIGITS
    }

    /// Reads a key as a client presents it: the prefix, then the length, then the characters.
    ///
    /// There is exactly one spelling of a key. Upper-case digits, spaces, NUL and anything beyond
    /// ASCII are errors, and nothing is trimmed. Nothing is allocated, and nothing is hashed:
    /// refusing malformed input costs a few nanoseconds, whatever its length.
    ///
    /// # Errors
    /// [`InvalidKey`], which never holds any of the input.
    pub fn parse<'k, K: AsRef<[u8]> + ?Sized>(
        &self,
        key: &'k K,
    ) -> Result<PresentedKey<'k>, InvalidKey> {
        PresentedKey::parse(self, key.as_ref())
    }

    /// Whether the text is spelled as a key of this format.
    #[must_use]
    pub fn matches<K: AsRef<[u8]> + ?Sized>(&self, text: &K) -> bool {
        self.parse(text).is_ok()
    }

    pub(crate) fn prefix_bytes(&self, environment: Environment) -> &[u8] {
        let prefix = match environment {
            Environment::Live => &self.live,
            Environment::Test => &self.test,
        };
        &prefix[..self.prefix_len]
    }
}

pub(crate) const fn is_brand(brand: &[u8]) -> bool {
    if brand.is_empty() || brand.len() > MAX_BRAND {
        return false;
    }
    let mut i = 0;
    while i < brand.len() {
        if !matches!(brand[i], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        i += 1;
    }
    brand[0].is_ascii_lowercase() && brand[brand.len() - 1] != b'_'
}

const fn prefix(brand: &[u8], environment: Environment) -> [u8; MAX_PREFIX] {
    let mut prefix = [0; MAX_PREFIX];
    let (start, rest) = prefix.split_at_mut(brand.len());
    start.copy_from_slice(brand);
    rest.split_at_mut(INFIX_LEN).0.copy_from_slice(environment.infix());
    prefix
}

/// The brand is not 1 to 16 of `[a-z0-9_]`, starting with a letter and not ending in `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBrand;

error_message!(InvalidBrand, BRAND_RULE);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InvalidKey;

    const TK: KeyFormat = KeyFormat::new("tk");

    #[test]
    fn brand_rules_hold_at_run_time() {
        for good in ["t", "tk", "a_b", "a__b", "k9", "abcdefghijklmnop"] {
            assert!(KeyFormat::try_new(good).is_ok(), "{good}");
        }
        for bad in ["", "T", "9k", "_tk", "tk_", "t-k", "tk ", "tké", "abcdefghijklmnopq"] {
            assert_eq!(KeyFormat::try_new(bad), Err(InvalidBrand), "{bad}");
        }
    }

    /// The same panic is what fails the build in const position; the type's example shows that it
    /// does, and this shows the reason.
    #[test]
    #[should_panic(expected = "a brand is 1 to 16 of [a-z0-9_]")]
    fn bad_brand_panics_with_the_rule() {
        let _ = KeyFormat::new("Tk");
    }

    #[test]
    fn prefix_is_brand_and_environment() {
        assert_eq!(TK.prefix(Environment::Live), "tk_live_");
        assert_eq!(TK.prefix(Environment::Test), "tk_test_");
        assert_eq!(TK.key_len(), 72);
        let longest = KeyFormat::new("abcdefghijklmnop");
        assert_eq!(longest.prefix(Environment::Live), "abcdefghijklmnop_live_");
        assert_eq!(longest.key_len(), 86);
    }

    #[test]
    fn brand_that_contains_an_environment_stays_apart() {
        let nested = KeyFormat::new("tk_live");
        assert_eq!(nested.prefix(Environment::Test), "tk_live_test_");
        let key = std::format!("tk_live_test_{}", "a".repeat(64));
        assert_eq!(nested.parse(&key).unwrap().environment(), Environment::Test);
        assert_eq!(TK.parse(&key).unwrap_err(), InvalidKey::Length { expected: 72, found: 77 });
    }
}
