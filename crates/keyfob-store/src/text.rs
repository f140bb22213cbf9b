//! The short texts of a record, each with a rule of its own that is checked when it is made.

use std::fmt;
use std::str::FromStr;

use crate::Timestamp;

/// Who makes a change, in which request, and when: what the change's event will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Who makes it.
    pub author: Author,
    /// The time of the change, by the caller's clock. A store reads no clock of its own.
    pub at: Timestamp,
}

/// Who makes a change, and in which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: Actor,
    /// The request, if there is one.
    pub request_id: Option<RequestId>,
}

impl Author {
    /// The same author, in this request.
    #[must_use]
    pub fn with_request_id(mut self, request_id: RequestId) -> Self {
        self.request_id = Some(request_id);
        self
    }

    /// What this author does at this time.
    #[must_use]
    pub const fn at(self, at: Timestamp) -> Attribution {
        Attribution { author: self, at }
    }
}

impl From<Actor> for Author {
    fn from(actor: Actor) -> Self {
        Self { actor, request_id: None }
    }
}

macro_rules! text {
    ($(#[$meta:meta])* $Text:ident, $rule:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $Text(Box<str>);

        impl $Text {
            /// Checks the text against the rule.
            ///
            /// # Errors
            /// [`InvalidText`], which says which part of the rule is broken and quotes nothing.
            pub fn new(text: &str) -> Result<Self, InvalidText> {
                let rule: Rule = $rule;
                rule.check(text)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $Text {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $Text {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $Text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($Text), "({:?})"), self.0)
            }
        }
    };
}

text! {
    /// What a person calls a key, such as `ci-pipeline`: 1 to 255 characters, none of them a
    /// control character, not all of them white space.
    KeyName, Rule::line("a name", 255)
}

text! {
    /// Who did something, such as `key:0190…`, `user:42` or `cli`: 1 to 255 characters, none of
    /// them a control character, not all of them white space.
    Actor, Rule::line("an actor", 255)
}

text! {
    /// What a person calls a node, such as `api-7f9c:4711`: 1 to 255 characters, none of them a
    /// control character, not all of them white space.
    NodeName, Rule::line("a node's name", 255)
}

text! {
    /// Why a key was revoked, in a person's words: 1 to 500 characters, none of them a control
    /// character, not all of them white space.
    Reason, Rule::line("a reason", 500)
}

text! {
    /// The request that something was done in: 1 to 128 visible ASCII characters.
    RequestId, Rule::visible_ascii("a request id", 128)
}

text! {
    /// The client's own token for a request that it may send twice: 1 to 255 visible ASCII characters.
    IdempotencyToken, Rule::visible_ascii("an idempotency token", 255)
}

/// A text that its type does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct InvalidText {
    what: &'static str,
    problem: TextProblem,
}

impl InvalidText {
    /// What is wrong with it.
    #[must_use]
    pub const fn problem(&self) -> TextProblem {
        self.problem
    }
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextProblem {
    /// There is nothing in it but, at most, white space.
    #[error("must not be empty")]
    Empty,
    /// It is longer than the rule allows, in characters.
    #[error("has at most {most} characters")]
    TooLong {
        /// The greatest number of characters.
        most: usize,
    },
    /// It has a control character, or, where only visible ASCII may stand, something else.
    #[error("has a character that is not allowed there")]
    Character,
}

/// What a text may be. The check looks at no more than `most` + 1 characters.
pub(crate) struct Rule {
    what: &'static str,
    most: usize,
    visible_ascii: bool,
}

impl Rule {
    pub(crate) const fn visible_ascii(what: &'static str, most: usize) -> Self {
        Self { what, most, visible_ascii: true }
    }

    const fn line(what: &'static str, most: usize) -> Self {
        Self { what, most, visible_ascii: false }
    }

    pub(crate) fn check(&self, text: &str) -> Result<(), InvalidText> {
        let problem = if text.trim().is_empty() && !text.contains(char::is_control) {
            TextProblem::Empty
        } else if text.chars().nth(self.most).is_some() {
            TextProblem::TooLong { most: self.most }
        } else if !text.chars().all(|c| self.allows(c)) {
            TextProblem::Character
        } else {
            return Ok(());
        };
        Err(InvalidText { what: self.what, problem })
    }

    fn allows(&self, c: char) -> bool {
        if self.visible_ascii { c.is_ascii_graphic() } else { !c.is_control() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str) -> Option<TextProblem> {
        KeyName::new(name).err().map(|error| error.problem())
    }

    #[test]
    fn name_is_a_line_of_bounded_length() {
        for good in ["x", "ci pipeline", "später 🔑", &"é".repeat(255)] {
            assert_eq!(problem(good), None, "{good}");
        }
        assert_eq!(problem(""), Some(TextProblem::Empty));
        assert_eq!(problem(" \u{a0}"), Some(TextProblem::Empty));
        assert_eq!(problem(&"é".repeat(256)), Some(TextProblem::TooLong { most: 255 }));
        for bad in ["a\nb", "\0", "\t", "\u{85}", "\u{1b}[31m"] {
            assert_eq!(problem(bad), Some(TextProblem::Character), "{bad:?}");
        }
    }

    #[test]
    fn error_says_what_and_quotes_nothing() {
        let error = RequestId::new("secret\n").unwrap_err();
        assert_eq!(error.to_string(), "a request id has a character that is not allowed there");
    }
}
