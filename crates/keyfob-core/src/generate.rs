//! New keys: 256 random bits, in hex behind the format's prefix.

use zeroize::Zeroizing;

use crate::{ApiKey, Environment, KeyFormat};

#[cfg(feature = "getrandom")]
impl KeyFormat {
    /// A new key of 256 bits from the operating system's random source.
    ///
    /// # Errors
    /// [`EntropyError`] when the operating system gives no random bytes. No weaker source is tried.
    pub fn generate(&self, environment: Environment) -> Result<ApiKey, EntropyError> {
        let mut random = Zeroizing::new([0; 32]);
        fill_random(&mut *random)?;
        Ok(ApiKey::from_random(self, environment, &random))
    }
}

/// Fills a buffer with random bytes from the operating system, for the ids beside the keys.
///
/// # Errors
/// [`EntropyError`], as for a key.
#[cfg(feature = "getrandom")]
pub fn fill_random(buffer: &mut [u8]) -> Result<(), EntropyError> {
    getrandom::fill(buffer).map_err(EntropyError)
}

/// The operating system gave no random bytes; try again later.
#[cfg(feature = "getrandom")]
#[derive(Clone, Copy, Debug)]
pub struct EntropyError(getrandom::Error);

#[cfg(feature = "getrandom")]
impl core::fmt::Display for EntropyError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the operating system gave no random bytes: {}", self.0)
    }
}

#[cfg(feature = "getrandom")]
impl core::error::Error for EntropyError {}

#[cfg(feature = "rand_core_0_10")]
impl KeyFormat {
    /// A new key of 256 bits from the caller's own generator.
    ///
    /// The generator is taken by unique reference: two clones of one would issue the same keys.
    pub fn generate_from<R: rand_core::CryptoRng + ?Sized>(
        &self,
        environment: Environment,
        rng: &mut R,
    ) -> ApiKey {
        let mut random = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *random);
        ApiKey::from_random(self, environment, &random)
    }
}
