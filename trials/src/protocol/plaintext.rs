use std::fmt;

use serde::{Deserialize, Serialize};

/// A key in plaintext, on its way between the controller and a node.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Plaintext(String);

impl Plaintext {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_not_shown() {
        assert_eq!(format!("{:?}", Plaintext::new("kf_live_00")), "Plaintext(…)");
    }
}
