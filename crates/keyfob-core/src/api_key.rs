use alloc::string::String;
use core::fmt;

use zeroize::Zeroizing;

use crate::{Environment, KeyHash, KeyHint};
#[cfg(any(feature = "getrandom", feature = "rand_core_0_10"))]
use crate::{KeyFormat, presented_key::DIGITS};

/// A key in plaintext, which exists only in the answer that creates it.
///
/// It can't be cloned, printed, serialized or compared, its `Debug` is redacted, and its memory is
/// overwritten when it is dropped. The one way to the text is [`expose_secret`](Self::expose_secret),
/// so a search for that name finds every place where plaintext leaves.
///
/// Out of scope: copies that the reader of `expose_secret` makes, and memory that the operating
/// system swapped out.
///
/// ```compile_fail,E0277
/// fn log(key: &keyfob_core::ApiKey) {
///     println!("{key}");
/// }
/// ```
pub struct ApiKey {
    text: Zeroizing<String>,
    environment: Environment,
}

impl ApiKey {
    #[cfg(any(feature = "getrandom", feature = "rand_core_0_10"))]
    pub(crate) fn from_random(
        format: &KeyFormat,
        environment: Environment,
        random: &[u8; DIGITS / 2],
    ) -> Self {
        let prefix = format.prefix(environment);
        let mut digits = Zeroizing::new([0; DIGITS]);
        hex::encode_to_slice(random, &mut *digits).expect("64 digits hold 32 bytes");
        let digits = core::str::from_utf8(&*digits).expect("hex digits are ASCII");
        // The capacity is exact, so that no growth leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + DIGITS));
        text.push_str(prefix);
        text.push_str(digits);
        Self { text, environment }
    }

    /// The plaintext: show it once, to the one who asked for the key, and store it nowhere.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.text
    }

    /// The environment that its prefix names.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// SHA-256 of the text: what a store keeps.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::digest(self.text.as_bytes())
    }

    /// The part that may be shown in a list.
    #[must_use]
    pub fn hint(&self) -> KeyHint {
        KeyHint::of_key(self.text.as_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("environment", &self.environment).finish_non_exhaustive()
    }
}
