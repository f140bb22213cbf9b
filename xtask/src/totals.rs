use std::fmt;
use std::ops::AddAssign;

/// How many tests there were, by their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Totals {
    /// Reads the line with which the test harness ends each of its programs:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
    ///
    /// The verdict is not looked at, since it may be coloured; any other line is `None`.
    pub(crate) fn of_result_line(line: &str) -> Option<Self> {
        let (_verdict, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |what: &str| {
            counts.split(';').find_map(|count| count.trim().strip_suffix(what)?.trim().parse().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored")?,
        })
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let line = "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; \
                    7 filtered out; finished in 0.04s";
        let expected = Totals { passed: 12, failed: 0, ignored: 3 };
        assert_eq!(Totals::of_result_line(line), Some(expected));

        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        let expected = Totals { passed: 1, failed: 2, ignored: 0 };
        assert_eq!(Totals::of_result_line(line), Some(expected));
    }

    #[test]
    fn coloured_verdict_does_not_hide_the_counts() {
        let line = "test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 4 passed; 0 failed; 0 ignored; \
                    0 measured; 0 filtered out; finished in 0.00s";
        let expected = Totals { passed: 4, failed: 0, ignored: 0 };
        assert_eq!(Totals::of_result_line(line), Some(expected));
    }

    #[test]
    fn other_lines_are_not_counted() {
        for line in [
            "",
            "running 3 tests",
            "test totals::tests::other_lines_are_not_counted ... ok",
            "test result: ok.",
            "test result: ok. many passed; 0 failed; 0 ignored",
            "test result: ok. 1 passed; 0 failed",
            "  test result: ok. 1 passed; 0 failed; 0 ignored",
            "all doctests ran in 0.31s; merged doctests compilation took 0.28s",
        ] {
            assert_eq!(Totals::of_result_line(line), None, "{line:?}");
        }
    }

    #[test]
    fn totals_add_up_and_print_as_one_line() {
        let mut totals = Totals { passed: 1, failed: 2, ignored: 3 };
        totals += Totals { passed: 10, failed: 20, ignored: 30 };
        assert_eq!(totals.to_string(), "11 passed, 22 failed, 33 ignored");
    }
}
