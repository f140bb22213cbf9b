use std::fmt;

use crate::Failure;

/// What became of each check.
#[derive(Clone, Debug)]
#[must_use = "a report that nobody reads fails no test: see `assert_passed`"]
pub struct Report {
    pub(crate) verdicts: Vec<Verdict>,
}

impl Report {
    /// Fails the test that it is called in, unless every check has passed.
    ///
    /// # Panics
    /// When a check has failed, with a list of the failures; and when no check was run, which is
    /// what a misspelt name comes to.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(!self.verdicts.is_empty(), "no check has such a name");
        assert!(self.failures().next().is_none(), "{self}");
    }

    /// Every check that was run, in order.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.failure.is_some())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, run) = (self.failures().count(), self.verdicts.len());
        writeln!(f, "{failed} of {run} checks failed")?;
        self.failures().try_for_each(|verdict| write!(f, "\n{verdict}"))
    }
}

/// What became of one check.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub(crate) contract: u8,
    pub(crate) check: &'static str,
    pub(crate) failure: Option<Failure>,
}

impl Verdict {
    /// The line of the contract that was checked, by its number in the documentation of
    /// [`KeyStore`](keyfob_store::KeyStore).
    #[must_use]
    pub const fn contract(&self) -> u8 {
        self.contract
    }

    /// The name of the check, which says what holds when it passes.
    #[must_use]
    pub const fn check(&self) -> &'static str {
        self.check
    }

    /// Why it failed, if it did.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "contract {}: {}", self.contract, self.check)?;
        match &self.failure {
            Some(failure) => failure.fmt(f),
            None => writeln!(f, "    passed"),
        }
    }
}
