use std::fmt;

use keyfob_core::{Scope, ScopeSet};

/// The scopes of a stored key, by name.
///
/// Names, not bits: a release may reorder its enum, and an older or newer one may know other
/// scopes. A name that the running release does not know grants nothing and stays on the record.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ScopeNames(Box<str>);

impl ScopeNames {
    /// Reads the stored form: names with one space between them, each at most once.
    ///
    /// # Errors
    /// [`InvalidScopeNames`] on an empty or repeated name, or one with a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidScopeNames> {
        let mut seen = Vec::new();
        for name in text.split(' ').filter(|_| !text.is_empty()) {
            if name.is_empty() || name.contains(char::is_control) || seen.contains(&name) {
                return Err(InvalidScopeNames);
            }
            seen.push(name);
        }
        Ok(Self(text.into()))
    }

    /// The stored form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each name, known or not, in the stored order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split(' ').filter(|name| !name.is_empty())
    }

    /// What these names grant in this release.
    #[must_use]
    pub fn to_set<S: Scope>(&self) -> ScopeSet<S> {
        ScopeSet::from_known_names(self.iter())
    }
}

impl<S: Scope> From<ScopeSet<S>> for ScopeNames {
    fn from(set: ScopeSet<S>) -> Self {
        Self(set.to_string().into())
    }
}

impl fmt::Display for ScopeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ScopeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeNames({self})")
    }
}

/// The text is not a list of scope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope names stand once each, with one space between them")]
pub struct InvalidScopeNames;

#[cfg(test)]
mod tests {
    use super::*;

    keyfob_core::scopes! { enum Scope { Read => "org:read", Write => "org:write" } }

    #[test]
    fn unknown_names_grant_nothing_and_are_kept() {
        let names = ScopeNames::parse("org:read future:scope").unwrap();
        assert_eq!(names.to_set::<Scope>(), Scope::Read.into());
        assert_eq!(names.as_str(), "org:read future:scope");
    }

    #[test]
    fn stored_form_is_strict() {
        assert_eq!(ScopeNames::parse("").unwrap().iter().count(), 0);
        for bad in [" ", "a:b  c:d", "a:b ", " a:b", "a:b a:b", "a:b\n"] {
            assert_eq!(ScopeNames::parse(bad), Err(InvalidScopeNames), "{bad:?}");
        }
    }
}
