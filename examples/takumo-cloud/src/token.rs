//! Random texts that are as good as a password while they live: sign-in links, form tokens.

use std::fmt;

use keyfob::EntropyError;
use sha2::{Digest, Sha256};

/// 256 random bits in hexadecimal. What is kept of it, where it is kept at all, is its hash.
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn random() -> Result<Self, EntropyError> {
        let mut bytes = [0; 32];
        keyfob::fill_random(&mut bytes)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// The text: show it once, to the one it is for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The path of the page that takes it, for one that signs somebody in.
    pub(crate) fn sign_in_path(&self) -> String {
        format!("/sign-in/link?token={}", self.0)
    }

    pub(crate) fn hash(&self) -> String {
        hash(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// SHA-256 in hexadecimal. There is nothing to guess in 256 random bits, so it needs no salt.
pub(crate) fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Whether two texts are the same, in a time that tells nothing of where they differ: it is their
/// hashes that are compared.
pub(crate) fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
