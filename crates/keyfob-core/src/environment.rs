use core::fmt;
use core::str::FromStr;

use crate::error_message::error_message;

/// Which of an embedder's two worlds a key belongs to. It is part of the key's prefix, so that a
/// reader can tell at sight, and a test key never works where a live one is required, nor the reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Environment {
    /// Production: `tk_live_…`.
    Live,
    /// Test and development: `tk_test_…`.
    Test,
}

impl Environment {
    /// Both environments, live first.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// `live` or `test`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// What stands between the brand and the digits: `_live_` or `_test_`.
    pub(crate) const fn infix(self) -> &'static [u8; INFIX_LEN] {
        match self {
            Self::Live => b"_live_",
            Self::Test => b"_test_",
        }
    }
}

pub(crate) const INFIX_LEN: usize = 6;

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = InvalidEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(InvalidEnvironment),
        }
    }
}

/// The text names no environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEnvironment;

error_message!(InvalidEnvironment, "an environment is `live` or `test`");

#[cfg(feature = "serde")]
impl serde::Serialize for Environment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Environment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::serde_text::from_str(deserializer, "`live` or `test`")
    }
}
