use std::fmt;
use std::str::FromStr;

/// What the names of a store's tables start with, `keyfob_` by default: 1 to 32 of `[a-z0-9_]`,
/// the first of them a letter, and not `sqlite_`, which SQLite keeps for itself.
///
/// Stores of different prefixes in one file have nothing to do with each other.
///
/// ```
/// # use keyfob_sqlite::TablePrefix;
/// assert_eq!(TablePrefix::default().as_str(), "keyfob_");
/// assert!(TablePrefix::new("auth_").is_ok());
/// assert!(TablePrefix::new("auth; DROP TABLE users").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TablePrefix(Box<str>);

impl TablePrefix {
    /// Checks the prefix.
    ///
    /// # Errors
    /// [`InvalidTablePrefix`] when it breaks the rule.
    pub fn new(prefix: &str) -> Result<Self, InvalidTablePrefix> {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if prefix.len() > 32
            || !prefix.starts_with(|first: char| first.is_ascii_lowercase())
            || !prefix.bytes().all(allowed)
            || prefix.starts_with("sqlite_")
        {
            return Err(InvalidTablePrefix);
        }
        Ok(Self(prefix.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SQL with this prefix in the place of every `{prefix}`. The rule makes that safe: no
    /// prefix needs quoting.
    pub(crate) fn apply(&self, template: &str) -> String {
        template.replace("{prefix}", &self.0)
    }
}

impl Default for TablePrefix {
    fn default() -> Self {
        Self("keyfob_".into())
    }
}

impl FromStr for TablePrefix {
    type Err = InvalidTablePrefix;

    fn from_str(prefix: &str) -> Result<Self, Self::Err> {
        Self::new(prefix)
    }
}

impl fmt::Display for TablePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TablePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TablePrefix({self})")
    }
}

/// The text can't stand at the start of a table's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a table prefix is 1 to 32 of [a-z0-9_], starts with a letter and not with `sqlite_`")]
pub struct InvalidTablePrefix;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_is_an_identifier() {
        for good in ["k", "auth_", "a1_", &"x".repeat(32)] {
            assert_eq!(TablePrefix::new(good).unwrap().as_str(), good);
        }
        for bad in
            ["", "_a", "1a", "A", "a-b", "a b", "a\"", "a;", "é", "sqlite_x", &"x".repeat(33)]
        {
            assert_eq!(TablePrefix::new(bad), Err(InvalidTablePrefix), "{bad:?}");
        }
    }
}
