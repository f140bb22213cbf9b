//! Identities that are UUIDs of version 7 (RFC 9562 §5.7).

use std::fmt;

use uuid::Uuid;

use crate::Timestamp;

/// The milliseconds stand in the first 48 bits, and the fraction of one in the 12 bits behind the
/// version (RFC 9562 §6.2, method 3). Times before the epoch count as the epoch.
pub(crate) fn of(created_at: Timestamp, random: [u8; 8]) -> [u8; 16] {
    let micros = u64::try_from(created_at.as_micros()).unwrap_or(0);
    let (millis, fraction) = (micros / 1_000, (micros % 1_000) * 4_096 / 1_000);
    let high = millis << 16 | 0x7000 | fraction;
    let low = u64::from_be_bytes(random) >> 2 | 1 << 63;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&high.to_be_bytes());
    bytes[8..].copy_from_slice(&low.to_be_bytes());
    bytes
}

/// Reads the hyphenated form, in either case.
pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
    const HYPHENATED: usize = 36;
    Uuid::try_parse(text).ok().filter(|_| text.len() == HYPHENATED).map(Uuid::into_bytes)
}

pub(crate) fn pad(bytes: [u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.pad(Uuid::from_bytes(bytes).hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

/// An identity of its own type, and the error of a text that is none.
macro_rules! uuid_v7 {
    ($(#[$meta:meta])* $Id:ident, $(#[$invalid:meta])* $Invalid:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $Id([u8; 16]);

        impl $Id {
            /// The id of what begins at this time. Of the random bytes, 62 bits are used.
            #[must_use]
            pub fn new(created_at: $crate::Timestamp, random: [u8; 8]) -> Self {
                Self($crate::uuid_v7::of(created_at, random))
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

        impl ::std::fmt::Display for $Id {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::uuid_v7::pad(self.0, f)
            }
        }

        impl ::std::fmt::Debug for $Id {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!(stringify!($Id), "({})"), self)
            }
        }

        impl ::std::str::FromStr for $Id {
            type Err = $Invalid;

            /// Reads the hyphenated form, in either case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::uuid_v7::parse(text).map(Self).ok_or($Invalid)
            }
        }

        #[derive(Clone, Copy, Debug, PartialEq, Eq, ::thiserror::Error)]
        $(#[$invalid])*
        pub struct $Invalid;
    };
}

pub(crate) use uuid_v7;
