use std::env;

use crate::failure::Failure;
use crate::step::Step;
use crate::system_need::{self, SERVERS};

/// What is promised of many nodes and of many keys, put to the test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cluster {
    All,
    /// A program of its own reads these.
    Trials(Vec<String>),
    Measured(Measured),
}

/// Figures that benchmarks print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    Throughput,
    Scale,
}

impl Cluster {
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let measured = match arguments.first().map(String::as_str) {
            None => return Ok(Self::All),
            Some("throughput") => Measured::Throughput,
            Some("scale") => Measured::Scale,
            Some(_) => return Ok(Self::Trials(arguments)),
        };
        match arguments.get(1) {
            None => Ok(Self::Measured(measured)),
            Some(extra) => Err(format!("`{}` does not take `{extra}`", arguments[0])),
        }
    }

    pub(crate) fn run(self) -> Result<(), Failure> {
        system_need::provide(&[SERVERS])?;
        match self {
            Self::Trials(arguments) => trials(arguments),
            Self::Measured(measured) => measured.run(),
            Self::All => {
                trials(Vec::new())?;
                Measured::Throughput.run()?;
                Measured::Scale.run()
            }
        }
    }
}

fn trials(arguments: Vec<String>) -> Result<(), Failure> {
    Step::cargo("trials")
        .words("run --quiet --release --locked --package keyfob-trials --")
        .arguments(arguments)
        .run()
}

/// How many keys a store has that is large, unless the environment says so.
const MANY: &str = "10000000";

impl Measured {
    fn run(self) -> Result<(), Failure> {
        let bench = Step::cargo("benches").words("bench --locked --package keyfob-benches");
        match self {
            Self::Throughput => bench.words("--bench postgres_ratios").run(),
            Self::Scale => {
                let keys = env::var("KEYFOB_BENCH_KEYS").unwrap_or_else(|_| MANY.to_owned());
                bench
                    .words("--bench postgres_scale --bench sqlite_scale")
                    .environment("KEYFOB_BENCH_KEYS", &keys)
                    .run()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cluster, String> {
        Cluster::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn figures_of_benchmarks_are_told_from_trials() {
        assert_eq!(parse(""), Ok(Cluster::All));
        assert_eq!(parse("throughput"), Ok(Cluster::Measured(Measured::Throughput)));
        assert_eq!(parse("scale"), Ok(Cluster::Measured(Measured::Scale)));
        let arguments = vec!["bound".into(), "--seed".into(), "7".into()];
        assert_eq!(parse("bound --seed 7"), Ok(Cluster::Trials(arguments)));
        assert!(parse("scale --quick").unwrap_err().contains("`--quick`"));
    }
}
