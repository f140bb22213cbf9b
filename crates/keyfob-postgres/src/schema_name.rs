use std::fmt;
use std::str::FromStr;

/// The schema that a store's tables are in, `keyfob` by default: 1 to 32 of `[a-z0-9_]`, the first of
/// them a letter, and not `pg_`, which PostgreSQL keeps for itself.
///
/// Stores of different schemas in one database have nothing to do with each other.
///
/// ```
/// # use keyfob_postgres::SchemaName;
/// assert_eq!(SchemaName::default().as_str(), "keyfob");
/// assert!(SchemaName::new("auth_keys").is_ok());
/// assert!(SchemaName::new("auth; DROP TABLE users").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SchemaName(Box<str>);

impl SchemaName {
    /// Checks the name.
    ///
    /// # Errors
    /// [`InvalidSchemaName`] when it breaks the rule.
    pub fn new(name: &str) -> Result<Self, InvalidSchemaName> {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if name.len() > 32
            || !name.starts_with(|first: char| first.is_ascii_lowercase())
            || !name.bytes().all(allowed)
            || name.starts_with("pg_")
        {
            return Err(InvalidSchemaName);
        }
        Ok(Self(name.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SQL with this schema, quoted, in the place of every `{schema}`. Quotes are needed where
    /// the name is a word of SQL, such as `user`; the rule leaves nothing that could end them.
    pub(crate) fn apply(&self, template: &str) -> String {
        template.replace("{schema}", &format!("\"{}\"", self.0))
    }

    /// The channel on which commits of this schema are told.
    pub(crate) fn channel(&self) -> String {
        format!("{}_changes", self.0)
    }
}

impl Default for SchemaName {
    fn default() -> Self {
        Self("keyfob".into())
    }
}

impl FromStr for SchemaName {
    type Err = InvalidSchemaName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaName({self})")
    }
}

/// The text can't be the name of a store's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schema name is 1 to 32 of [a-z0-9_], starts with a letter and not with `pg_`")]
pub struct InvalidSchemaName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_an_identifier() {
        for good in ["k", "auth", "a1_", "user", &"x".repeat(32)] {
            assert_eq!(SchemaName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "_a", "1a", "A", "a-b", "a b", "a\"", "a;", "é", "pg_x", &"x".repeat(33)] {
            assert_eq!(SchemaName::new(bad), Err(InvalidSchemaName), "{bad:?}");
        }
    }

    #[test]
    fn word_of_sql_is_quoted() {
        let name = SchemaName::new("user").unwrap();
        assert_eq!(name.apply("{schema}.keys"), "\"user\".keys");
    }
}
