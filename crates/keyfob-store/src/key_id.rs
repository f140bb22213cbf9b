use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::Timestamp;

/// The lasting identity of a key: a UUIDv7 (RFC 9562 §5.7). Ids sort by the time of creation, to
/// the microsecond, which is what makes a list newest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// The id of a key made at this time. Of the random bytes, 62 bits are used.
    ///
    /// The milliseconds stand in the first 48 bits, and the fraction of one in the 12 bits behind
    /// the version (RFC 9562 §6.2, method 3). Times before the epoch count as the epoch.
    #[must_use]
    pub fn new(created_at: Timestamp, random: [u8; 8]) -> Self {
        let micros = u64::try_from(created_at.as_micros()).unwrap_or(0);
        let (millis, fraction) = (micros / 1_000, (micros % 1_000) * 4_096 / 1_000);
        let high = millis << 16 | 0x7000 | fraction;
        let low = u64::from_be_bytes(random) >> 2 | 1 << 63;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..].copy_from_slice(&low.to_be_bytes());
        Self(bytes)
    }

    /// An id that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, which sort as the ids do.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Uuid::from_bytes(self.0).hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    /// Reads the hyphenated form, in either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HYPHENATED: usize = 36;
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == HYPHENATED => Ok(Self(uuid.into_bytes())),
            _ => Err(InvalidKeyId),
        }
    }
}

/// The text is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id is a UUID, such as 0190a6e4-5b2c-7d3e-8f40-112233445566")]
pub struct InvalidKeyId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_a_uuid_of_version_seven() {
        let id = KeyId::new(Timestamp::from_micros(1_645_557_742_000_000), [0xff; 8]);
        assert_eq!(id.to_string(), "017f22e2-79b0-7000-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(Uuid::from_bytes(*id.as_bytes()).get_version_num(), 7);
    }

    #[test]
    fn ids_sort_by_microsecond() {
        let at = |micros, random| KeyId::new(Timestamp::from_micros(micros), [random; 8]);
        for micros in [-5, 0, 999, 1_000, 1_645_557_742_000_998] {
            assert!(at(micros, 0xff) < at(micros.max(0) + 1, 0x00), "{micros}");
        }
    }

    #[test]
    fn only_the_hyphenated_form_is_read() {
        for bad in
            ["", "1", "017f22e279b07000bfffffffffffffff", "{017f22e2-79b0-7000-bfff-ffffffffffff}"]
        {
            assert_eq!(bad.parse::<KeyId>(), Err(InvalidKeyId), "{bad}");
        }
    }
}
