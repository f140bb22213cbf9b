//! Measures operations beside a baseline, in turns, so that what else the machine does hits all alike.
//!
//! Nanoseconds on a shared machine swing by half; the ratio of two operations that are timed one
//! right after the other does not. [`Ratios`] times every operation once a round, divides by the
//! baseline's time of the same round, and reports the medians of many rounds.
//!
//! ```
//! # #[global_allocator]
//! # static ALLOCATOR: keyfob_benches::CountingAllocator = keyfob_benches::COUNTING_ALLOCATOR;
//! use keyfob_benches::{Goal, Ratios};
//!
//! let report = Ratios::to("add", || std::hint::black_box(1_u64) + 1)
//!     .and("add twice", Goal::AtMost(4.0), || std::hint::black_box(1_u64) + 1 + 1)
//!     .rounds(5)
//!     .run(&ALLOCATOR);
//! assert_eq!(report.lines[1].allocations, 0);
//! println!("{report}");
//! ```

mod callers;
mod every_key;
mod population;
mod postgres_population;
mod sample;
mod scale;
mod sqlite;
mod sqlite_population;

use std::alloc::System;
use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use stats_alloc::{Region, StatsAlloc};

pub use callers::Callers;
pub use every_key::EveryKey;
pub use population::Population;
pub use postgres_population::{PostgresKey, fill_postgres, populate_postgres};
pub use sample::{FORMAT, texts};
pub use scale::{Populated, scale};
pub use sqlite::{KeyInserts, KeyLookup, SqliteKeys};
pub use sqlite_population::populate_sqlite;

/// A benchmark makes this its `#[global_allocator]`, with [`COUNTING_ALLOCATOR`] as the value.
pub type CountingAllocator = &'static StatsAlloc<System>;

/// The system's allocator, counting.
pub const COUNTING_ALLOCATOR: CountingAllocator = &stats_alloc::INSTRUMENTED_SYSTEM;

/// What a ratio should be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// No more than this many times the baseline's time.
    AtMost(f64),
    /// It is shown for comparison only.
    None,
}

/// A baseline and the operations that are measured in turns with it.
pub struct Ratios<'a> {
    operations: Vec<Operation<'a>>,
    rounds: usize,
    turn: Duration,
    times: Option<u64>,
}

struct Operation<'a> {
    name: String,
    goal: Goal,
    /// Does it so many times.
    repeat: Box<dyn FnMut(u64) + 'a>,
}

/// Long enough for the clock's own cost to vanish, short enough for few interruptions.
const TURN: Duration = Duration::from_micros(100);

/// As many times as all allocations are counted for: a single one among them shows.
const COUNTED: usize = 1_000;

impl<'a> Ratios<'a> {
    /// The operation that all others are divided by.
    pub fn to<T>(baseline: impl Into<String>, operation: impl FnMut() -> T + 'a) -> Self {
        Self::default().and(baseline, Goal::None, operation)
    }

    /// The operation that all others are divided by, which repeats itself as often as it is told.
    pub fn to_repeated(baseline: impl Into<String>, repeat: impl FnMut(u64) + 'a) -> Self {
        Self::default().and_repeated(baseline, Goal::None, repeat)
    }

    /// One more operation, whose result is not optimized away; its inputs are the caller's to hide
    /// from the optimizer, by [`black_box`].
    #[must_use]
    pub fn and<T>(
        self,
        name: impl Into<String>,
        goal: Goal,
        mut operation: impl FnMut() -> T + 'a,
    ) -> Self {
        self.and_repeated(name, goal, move |times| {
            for _ in 0..times {
                black_box(operation());
            }
        })
    }

    /// One more operation, which repeats itself as often as it is told: for what runs inside
    /// something that is not part of the cost, such as a runtime or a transaction.
    #[must_use]
    pub fn and_repeated(
        mut self,
        name: impl Into<String>,
        goal: Goal,
        repeat: impl FnMut(u64) + 'a,
    ) -> Self {
        let repeat = Box::new(repeat);
        self.operations.push(Operation { name: name.into(), goal, repeat });
        self
    }

    /// How many rounds are run, in which each operation has one turn. 501 unless told.
    #[must_use]
    pub fn rounds(self, rounds: usize) -> Self {
        Self { rounds, ..self }
    }

    /// How long an operation is repeated at least, before it is the next one's turn. 100 µs unless
    /// told: too short for what takes threads to get going.
    #[must_use]
    pub fn turn(self, turn: Duration) -> Self {
        Self { turn, ..self }
    }

    /// How often an operation is repeated in each turn, rather than for how long: for operations that
    /// do the same in different places, and must do it equally often.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Measures. The allocator is the one that the benchmark made its global one.
    #[must_use]
    pub fn run(mut self, allocator: &CountingAllocator) -> Report {
        let times_in_a_turn =
            |operation| self.times.unwrap_or_else(|| times_in_a_turn(operation, self.turn));
        let times: Vec<u64> = self.operations.iter_mut().map(times_in_a_turn).collect();
        let mut rounds = vec![Vec::with_capacity(self.rounds); self.operations.len()];
        for round in 0..self.rounds {
            // Another one begins every time, so that no operation always follows the same other.
            for turn in 0..self.operations.len() {
                let at = (round + turn) % self.operations.len();
                rounds[at].push(time(&mut self.operations[at], times[at]));
            }
        }
        let baseline = rounds[0].clone();
        let lines = self.operations.iter_mut().zip(&rounds).map(|(operation, nanoseconds)| Line {
            name: operation.name.clone(),
            goal: operation.goal,
            nanoseconds: median(nanoseconds.iter().copied()),
            ratio: median(nanoseconds.iter().zip(&baseline).map(|(own, base)| own / base)),
            allocations: allocations(operation, allocator),
        });
        Report { lines: lines.collect() }
    }
}

impl Default for Ratios<'_> {
    fn default() -> Self {
        Self { operations: Vec::new(), rounds: 501, turn: TURN, times: None }
    }
}

/// Found out twice, or a stall of the machine would pass for a slow operation.
fn times_in_a_turn(operation: &mut Operation<'_>, turn: Duration) -> u64 {
    let mut times = 1;
    let mut fills_a_turn = |times| {
        let start = Instant::now();
        (operation.repeat)(times);
        start.elapsed() >= turn
    };
    while times < 1 << 30 && !(fills_a_turn(times) && fills_a_turn(times)) {
        times *= 2;
    }
    times
}

/// In nanoseconds for one time.
#[expect(clippy::cast_precision_loss, reason = "a turn has less than 2^52 repetitions")]
fn time(operation: &mut Operation<'_>, times: u64) -> f64 {
    let start = Instant::now();
    (operation.repeat)(times);
    start.elapsed().as_secs_f64() * 1e9 / times as f64
}

/// Rounded up.
fn allocations(operation: &mut Operation<'_>, allocator: &CountingAllocator) -> usize {
    let region = Region::new(allocator);
    (operation.repeat)(COUNTED as u64);
    let change = region.change();
    (change.allocations + change.reallocations).div_ceil(COUNTED)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What was measured, the baseline first. It prints as a Markdown table.
#[derive(Debug)]
pub struct Report {
    /// One for each operation, in the order in which they were added.
    pub lines: Vec<Line>,
}

/// One operation's figures.
#[derive(Debug)]
pub struct Line {
    /// As it was given.
    pub name: String,
    /// What the ratio should be.
    pub goal: Goal,
    /// The median of its times.
    pub nanoseconds: f64,
    /// The median of its times over the baseline's in the same round.
    pub ratio: f64,
    /// Allocations and reallocations for one time, rounded up.
    pub allocations: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| operation | ns | ratio | goal | allocations |")?;
        writeln!(f, "|---|---:|---:|---:|---:|")?;
        for line in &self.lines {
            let Line { name, nanoseconds, ratio, allocations, .. } = line;
            let goal = line.verdict();
            writeln!(f, "| {name} | {nanoseconds:.1} | {ratio:.3} | {goal} | {allocations} |")?;
        }
        Ok(())
    }
}

impl Line {
    fn verdict(&self) -> String {
        match self.goal {
            Goal::None => String::from("-"),
            Goal::AtMost(most) if self.ratio <= most => format!("≤ {most}"),
            Goal::AtMost(most) => format!("≤ {most}, **missed**"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: CountingAllocator = COUNTING_ALLOCATOR;

    /// Ten times the work on the same data: whatever the machine does beside, it is not the same time.
    #[test]
    fn ratio_is_to_the_baseline_of_the_same_round() {
        let work = |times: u64| (0..black_box(times)).fold(1_u64, |sum, i| black_box(sum ^ i));
        let report = Ratios::to("once", || work(100))
            .and("tenfold", Goal::AtMost(2.0), || work(1_000))
            .rounds(101)
            .run(&ALLOCATOR);
        assert!((report.lines[0].ratio - 1.0).abs() < f64::EPSILON);
        assert!(report.lines[1].ratio > 4.0, "{report}");
        assert!(report.to_string().contains("**missed**"), "{report}");
    }

    #[test]
    fn median_is_the_middle_one() {
        assert!((median([9.0, 1.0, 5.0].into_iter()) - 5.0).abs() < f64::EPSILON);
    }
}
