use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::text::{InvalidText, Rule};

/// The embedder's own id of the organization that owns keys: 1 to 128 visible ASCII characters.
///
/// Every verification hands one out, so a copy must be cheap on every core at once. Up to 38
/// bytes (a UUID has 36) are kept in place; only longer ids share an allocation, whose reference
/// count is then touched by each copy.
#[derive(Clone)]
pub struct OrganizationId(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<str>),
}

const INLINE: usize = 38;
const RULE: Rule = Rule::visible_ascii("an organization id", 128);

impl OrganizationId {
    /// Takes the embedder's id.
    ///
    /// # Errors
    /// [`InvalidText`] unless it is 1 to 128 visible ASCII characters (0x21 to 0x7e).
    pub fn new(id: &str) -> Result<Self, InvalidText> {
        RULE.check(id)?;
        let repr = match u8::try_from(id.len()) {
            Ok(len) if id.len() <= INLINE => {
                let mut bytes = [0; INLINE];
                bytes[..id.len()].copy_from_slice(id.as_bytes());
                Repr::Inline { len, bytes }
            }
            _ => Repr::Shared(id.into()),
        };
        Ok(Self(repr))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline { .. } => {
                std::str::from_utf8(self.as_bytes()).expect("an id is checked to be ASCII")
            }
            Repr::Shared(text) => text,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Shared(text) => text.as_bytes(),
        }
    }
}

impl FromStr for OrganizationId {
    type Err = InvalidText;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl AsRef<str> for OrganizationId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for OrganizationId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for OrganizationId {}

impl Hash for OrganizationId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialOrd for OrganizationId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrganizationId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrganizationId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextProblem;

    #[test]
    fn every_length_reads_back() {
        for len in 1..=128 {
            let id = "x".repeat(len);
            assert_eq!(OrganizationId::new(&id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn only_visible_ascii_of_bounded_length() {
        let problem = |id: &str| OrganizationId::new(id).unwrap_err().problem();
        assert_eq!(problem(""), TextProblem::Empty);
        assert_eq!(problem(&"x".repeat(129)), TextProblem::TooLong { most: 128 });
        for bad in ["a b", "a\n", "\u{7f}", "é"] {
            assert_eq!(problem(bad), TextProblem::Character, "{bad:?}");
        }
    }

    #[test]
    fn copy_of_a_uuid_fits_forty_bytes() {
        assert_eq!(size_of::<OrganizationId>(), 40);
    }
}
