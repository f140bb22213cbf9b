use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use subtle::{Choice, ConstantTimeEq};

use crate::error_message::error_message;
use crate::presented_key::all_lower_hex;

/// SHA-256 (FIPS 180-4) of a key: what a store keeps instead of it. 32 bytes.
///
/// It is taken of the whole presented text, prefix included, so `printf %s "$KEY" | sha256sum`
/// prints the same 64 digits that `Display` does. A key has 256 random bits, which is why one
/// round of an unsalted hash is enough: there is nothing to guess, so nothing to slow down.
///
/// `==` takes the same time wherever two hashes differ. That covers this comparison and nothing
/// around it: whether a key exists at all can show in the time that a lookup takes, and gives
/// nothing away, since to probe for a hash is to find a preimage of it.
///
/// `Debug` shows the first 8 digits, so that a whole hash reaches no log by accident.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// A hash that was computed elsewhere, such as one read from a database.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 8 bytes as a big-endian number: what an index or a hash table may sort by.
    #[must_use]
    pub const fn prefix(&self) -> u64 {
        u64::from_be_bytes(self.0.as_chunks().0[0])
    }

    /// SHA-256 of a key's text.
    ///
    /// A key is 65 to 86 bytes, which is two blocks with their padding. Those are laid out here, on
    /// the stack, because a hasher's general buffering costs a quarter of the whole verification.
    /// A test compares it with the plain hasher at every length.
    pub(crate) fn digest(text: &[u8]) -> Self {
        match text.split_first_chunk::<BLOCK>() {
            Some((first, rest)) if rest.len() < LENGTH_AT => {
                let bits = u64::try_from(8 * text.len()).expect("under two blocks");
                Self::of_blocks(&[*first, last_block(rest, bits)])
            }
            _ => {
                use sha2::Digest;
                Self(sha2::Sha256::digest(text).into())
            }
        }
    }

    fn of_blocks(blocks: &[[u8; BLOCK]]) -> Self {
        let mut state = INITIAL_STATE;
        sha2::block_api::compress256(&mut state, blocks);
        // In the words that the comparison reads, for the reason that `last_block` gives.
        let mut hash = [0; 32];
        for (bytes, [high, low]) in hash.as_chunks_mut().0.iter_mut().zip(state.as_chunks().0) {
            *bytes = (u64::from(*high) << 32 | u64::from(*low)).to_be_bytes();
        }
        Self(hash)
    }

    fn words(&self) -> [u64; 4] {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(self.0.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        words
    }
}

const BLOCK: usize = 64;
const WORD: usize = size_of::<u64>();
/// Where the length stands in the last block.
const LENGTH_AT: usize = BLOCK - WORD;

/// The rest of the text, a 1 bit, zeros, and the text's length in bits (FIPS 180-4 §5.1.1).
///
/// It is written in whole words: the compression reads it back at once, and a wide read that
/// follows narrower writes to the same place waits for them, for a quarter of the whole hash.
fn last_block(rest: &[u8], bits: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let places = block.as_chunks_mut().0;
    let (words, partial) = rest.as_chunks::<WORD>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = *word;
    }
    let ended = partial.iter().rfold(0x80, |word, byte| word << 8 | u64::from(*byte));
    places[words.len()] = ended.to_le_bytes();
    places[LENGTH_AT / WORD] = bits.to_be_bytes();
    block
}

/// FIPS 180-4 §5.3.3.
const INITIAL_STATE: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

impl ConstantTimeEq for KeyHash {
    /// Four words instead of 32 bytes: `subtle` guards every element, and that guard is the cost.
    fn ct_eq(&self, other: &Self) -> Choice {
        let pairs = self.words().into_iter().zip(other.words());
        pairs.fold(0, |difference, (ours, theirs)| difference | (ours ^ theirs)).ct_eq(&0)
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for KeyHash {}

impl Hash for KeyHash {
    /// 8 of the 32 bytes: they are uniform already. To make two keys whose hashes agree in all 64
    /// bits takes 2^32 attempts for one pair; a table that anyone may fill should still be keyed.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.prefix());
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({:08x}…)", self.prefix() >> 32)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.pad(core::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for KeyHash {
    type Err = InvalidKeyHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| InvalidKeyHash)?;
        if !all_lower_hex(digits) {
            return Err(InvalidKeyHash);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidKeyHash)?;
        Ok(Self(bytes))
    }
}

/// The text is not a SHA-256 hash of 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKeyHash;

error_message!(InvalidKeyHash, "a hash is 64 lower-case hex digits, as sha256sum prints it");

#[cfg(feature = "serde")]
impl serde::Serialize for KeyHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for KeyHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::serde_text::from_str(deserializer, "64 lower-case hex digits")
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest;
    use std::format;
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn digest_is_plain_sha256_at_every_length() {
        let text: Vec<u8> = (0..200).map(|i: u8| i.wrapping_mul(37)).collect();
        for len in 0..=text.len() {
            let plain: [u8; 32] = sha2::Sha256::digest(&text[..len]).into();
            assert_eq!(KeyHash::digest(&text[..len]).as_bytes(), &plain, "length {len}");
        }
    }

    #[test]
    fn one_differing_bit_anywhere_is_unequal() {
        let hash = KeyHash::from_bytes([0x5a; 32]);
        assert_eq!(hash, hash);
        for bit in 0..256 {
            let mut bytes = [0x5a; 32];
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hash, KeyHash::from_bytes(bytes), "bit {bit}");
        }
    }

    #[test]
    fn hex_is_read_in_one_spelling_only() {
        let hash = KeyHash::digest(b"abc");
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), digits);
        assert_eq!(digits.parse(), Ok(hash));
        for bad in
            ["", &digits[1..], &digits.to_uppercase(), &format!("{digits}0"), &"g".repeat(64)]
        {
            assert_eq!(bad.parse::<KeyHash>(), Err(InvalidKeyHash), "{bad}");
        }
    }

    #[test]
    fn debug_shows_eight_digits() {
        assert_eq!(format!("{:?}", KeyHash::digest(b"abc")), "KeyHash(ba7816bf…)");
    }
}
