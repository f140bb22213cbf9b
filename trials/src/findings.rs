use std::fmt::Display;

/// What a trial found: figures, goals that were reached or missed, and promises that were kept or
/// broken. Each is printed as it is found.
#[derive(Debug, Default)]
pub struct Findings {
    broken: Vec<String>,
    missed: Vec<String>,
    promises: usize,
}

/// More of the same explain no more.
const MOST_TOLD: usize = 20;

impl Findings {
    /// Prints a figure.
    pub fn figure(&mut self, name: &str, value: impl Display) {
        println!("  {name}: {value}");
    }

    /// Takes down whether a promise was kept. It is checked many times over, and printed when it was
    /// not kept.
    pub fn promise(&mut self, kept: bool, promise: impl FnOnce() -> String) {
        self.promises += 1;
        if !kept {
            let promise = promise();
            if self.broken.len() < MOST_TOLD {
                println!("  BROKEN: {promise}");
            }
            self.broken.push(promise);
        }
    }

    /// Prints a figure that should be as good as this, on a machine that is fast enough.
    pub fn goal(&mut self, name: &str, value: impl Display, goal: &str, reached: bool) {
        let verdict = if reached { "reached" } else { "MISSED" };
        println!("  {name}: {value} (goal: {goal}, {verdict})");
        if !reached {
            self.missed.push(format!("{name}: {goal}"));
        }
    }

    /// The promises that were broken.
    #[must_use]
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// The goals that were missed.
    #[must_use]
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    /// How many times a promise was checked.
    #[must_use]
    pub const fn promises(&self) -> usize {
        self.promises
    }

    /// Adds what was found by a part of the trial.
    pub fn add(&mut self, other: Self) {
        self.broken.extend(other.broken);
        self.missed.extend(other.missed);
        self.promises += other.promises;
    }
}
