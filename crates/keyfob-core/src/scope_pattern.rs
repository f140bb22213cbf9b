//! Wildcards, which exist only while a key is created: `shield:*`, `*:read`, `*:*`.

use alloc::string::String;
use core::fmt;

use crate::{Scope, ScopeSet, UnknownScope};

impl<S: Scope> ScopeSet<S> {
    /// The scopes that a person asked for by name or by wildcard, expanded now and for good.
    ///
    /// `*` stands for a whole resource or a whole action. What is stored is the names that match
    /// today, so a scope that is added later never widens an old key.
    ///
    /// ```
    /// keyfob_core::scopes! {
    ///     enum Scope { ShieldRead => "shield:read", ShieldWrite => "shield:write", OrgRead => "org:read" }
    /// }
    /// use keyfob_core::ScopeSet;
    ///
    /// let set = ScopeSet::<Scope>::from_patterns(["shield:*"])?;
    /// assert_eq!(set.to_string(), "shield:read shield:write");
    /// assert!(ScopeSet::<Scope>::from_patterns(["billing:*"]).is_err());
    /// # Ok::<(), keyfob_core::InvalidScopePattern>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidScopePattern`] when one matches no scope, stands twice, or when there is none.
    pub fn from_patterns<'p>(
        patterns: impl IntoIterator<Item = &'p str, IntoIter: Clone>,
    ) -> Result<Self, InvalidScopePattern> {
        let patterns = patterns.into_iter();
        let mut set = Self::EMPTY;
        for (place, pattern) in patterns.clone().enumerate() {
            if patterns.clone().take(place).any(|earlier| earlier == pattern) {
                return Err(InvalidScopePattern::Repeated { pattern: String::from(pattern) });
            }
            let matching: Self =
                S::ALL.iter().copied().filter(|scope| matches(pattern, scope.name())).collect();
            if matching.is_empty() {
                return Err(UnknownScope::new(pattern).into());
            }
            set |= matching;
        }
        if set.is_empty() { Err(InvalidScopePattern::Empty) } else { Ok(set) }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let (Some((resource, action)), Some((own_resource, own_action))) =
        (pattern.split_once(':'), name.split_once(':'))
    else {
        return false;
    };
    (resource == "*" || resource == own_resource) && (action == "*" || action == own_action)
}

/// A request for scopes that can't be granted as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidScopePattern {
    /// A name or wildcard that matches no scope.
    Unknown(UnknownScope),
    /// The same name or wildcard twice: most likely one of them was meant to be another.
    Repeated {
        /// The text that stands twice; it matches a scope.
        pattern: String,
    },
    /// None was asked for, and a key without scopes could do nothing.
    Empty,
}

impl fmt::Display for InvalidScopePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(unknown) => unknown.fmt(f),
            Self::Repeated { pattern } => write!(f, "the scope {pattern:?} stands there twice"),
            Self::Empty => f.write_str("at least one scope is needed"),
        }
    }
}

impl core::error::Error for InvalidScopePattern {}

impl From<UnknownScope> for InvalidScopePattern {
    fn from(unknown: UnknownScope) -> Self {
        Self::Unknown(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    crate::scopes! {
        enum Scope {
            ShieldRead => "shield:read",
            ShieldWrite => "shield:write",
            OrgRead => "org:read",
        }
    }

    fn expand(patterns: &[&str]) -> Result<String, InvalidScopePattern> {
        ScopeSet::<Scope>::from_patterns(patterns.iter().copied()).map(|set| set.to_string())
    }

    #[test]
    fn wildcards_match_whole_parts() {
        assert_eq!(expand(&["shield:*"]).unwrap(), "shield:read shield:write");
        assert_eq!(expand(&["*:read"]).unwrap(), "shield:read org:read");
        assert_eq!(expand(&["*:*"]).unwrap(), "shield:read shield:write org:read");
        assert_eq!(expand(&["org:read", "shield:*"]).unwrap(), "shield:read shield:write org:read");
        for partial in ["*", "sh*:read", "shield:r*", "shield", "shield:read:x", ""] {
            assert!(
                matches!(expand(&[partial]), Err(InvalidScopePattern::Unknown(_))),
                "{partial}"
            );
        }
    }

    #[test]
    fn repeated_and_empty_requests_are_errors() {
        let repeated = expand(&["org:read", "org:read"]);
        assert!(matches!(repeated, Err(InvalidScopePattern::Repeated { .. })));
        assert_eq!(expand(&[]), Err(InvalidScopePattern::Empty));
    }
}
