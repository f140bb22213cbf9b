use std::path::PathBuf;

use crate::failure::Failure;
use crate::trial::{Plan, Size, Store, Trial};

/// How it is called.
pub const USAGE: &str = "\
usage: cargo xtask cluster [TRIAL] [--store sqlite|postgres] [--quick] [--seed N] [--charts DIRECTORY]

  propagation      how soon a revocation is in force on every node
  bound            faults of every kind: no node honours a revoked key beyond the staleness bound
  limits           creators in many processes race for the last slots
  usage            nodes are killed: usage is never over-counted, and hardly under-counted
  failover         the primary dies: acknowledged revocations survive on its standby
  throughput       cold lookups in PostgreSQL beside pgbench: a benchmark
  scale            PostgreSQL and SQLite with 10,000,000 keys, or as many as KEYFOB_BENCH_KEYS says,
                   beside 10,000: a benchmark that needs 30 GB of disk and an hour

Without anything, all of them, on PostgreSQL unless told. `--quick` takes seconds and proves little. `--seed` repeats what a
run drew by chance. Charts go to `target/trials` unless told.";

/// What was asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    trials: Vec<Trial>,
    store: Store,
    size: Size,
    seed: Option<u64>,
    charts: PathBuf,
}

impl Options {
    /// Reads the command line. `None`: what was asked for is [`USAGE`].
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            trials: Vec::new(),
            store: Store::Postgres,
            size: Size::Full,
            seed: None,
            charts: PathBuf::from("target/trials"),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "help" | "--help" | "-h" => return Ok(None),
                "--quick" => options.size = Size::Quick,
                "--seed" => {
                    let seed = value()?;
                    let number = seed.parse().map_err(|_| format!("`{seed}` is no seed"))?;
                    options.seed = Some(number);
                }
                "--store" => {
                    let store = value()?;
                    let known = Store::from_name(&store);
                    options.store = known.ok_or_else(|| format!("`{store}` is no store"))?;
                }
                "--charts" => options.charts = value()?.into(),
                name => {
                    let trial = Trial::from_name(name);
                    options.trials.push(trial.ok_or_else(|| format!("there is no `{name}`"))?);
                }
            }
        }
        if options.trials.is_empty() {
            options.trials.extend(Trial::ALL);
        }
        Ok(Some(options))
    }

    /// Runs the trials one after the other, and says whether every promise was kept.
    ///
    /// # Errors
    /// [`Failure`] when one could not be carried out; the others are not run then.
    pub fn run(self) -> Result<bool, Failure> {
        let plan = Plan {
            program: std::env::current_exe().map_err(Failure::io("finding this program"))?,
            store: self.store,
            size: self.size,
            seed: self.seed.unwrap_or_else(rand::random),
            charts: Some(self.charts),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::io("starting a runtime"))?;
        let mut kept = true;
        for trial in self.trials {
            let findings = runtime.block_on(trial.run(&plan))?;
            let (promises, broken) = (findings.promises(), findings.broken().len());
            let missed = findings.missed().len();
            println!("  {promises} promises checked, {broken} broken; {missed} goals missed\n");
            kept &= broken == 0;
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_trial_is_in_the_help_and_is_run_unless_named() {
        for trial in Trial::ALL {
            let line = format!("  {}", trial.name());
            assert!(USAGE.lines().any(|usage| usage.starts_with(&line)), "{line}");
        }
        assert_eq!(parse("").unwrap().unwrap().trials, Trial::ALL);
        assert_eq!(parse("limits").unwrap().unwrap().trials, [Trial::Limits]);
    }

    #[test]
    fn options_are_read() {
        let options =
            parse("--quick bound --store sqlite --seed 7 --charts docs/images").unwrap().unwrap();
        assert_eq!((options.size, options.seed), (Size::Quick, Some(7)));
        assert_eq!(options.store, Store::Sqlite);
        assert_eq!(options.charts, PathBuf::from("docs/images"));
        assert_eq!(parse("bound --help"), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (line, named) in [
            ("bond", "`bond`"),
            ("--seed", "`--seed`"),
            ("--seed x", "`x`"),
            ("--store file", "`file`"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
