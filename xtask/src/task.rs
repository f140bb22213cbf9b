use std::process::ExitCode;

use crate::cluster::Cluster;
use crate::failure::{Failure, report};
use crate::step::Step;
use crate::system_need::{self, BROWSER, FONTS};
use crate::{cargo_tool, fuzz, lint, metadata, package, test};

pub(crate) const HELP: &str = "\
usage: cargo xtask TASK

  test             all that must hold before a merge: lint, docs, every test, package;
                   installs what the tests need (as root, by apt-get) or says what is missing
  lint             formatting and clippy, with all features and with each alone
  docs             the documentation, without a warning
  package          packs every published crate and builds what was packed
  bench [FILTER]   the benchmarks
  cluster [TRIAL]  what is promised of many nodes, tried at full size on real processes;
                   `cargo xtask cluster --help` says what can be chosen
  fuzz [SECONDS]   each fuzz target for 10 or so many seconds; needs a nightly compiler
  screenshots      the pictures of the README: takes them anew, in a browser;
                   with --all every page, into target/screenshots, to be looked at
  deny             dependencies against deny.toml; compiles cargo-deny on first use
  msrv             compiles what is published with the oldest compiler that they promise to support
  help             this text";

/// What this program can be asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Test,
    Lint,
    Docs,
    Package,
    Bench { filter: Option<String> },
    Cluster(Cluster),
    Fuzz { seconds: u32 },
    Screenshots { all: bool },
    Deny,
    Msrv,
    Help,
}

impl Task {
    /// Reads the command line. An error says what is wrong with it.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let name = arguments.next().ok_or("which task?")?;
        let task = match name.as_str() {
            "test" => Self::Test,
            "lint" => Self::Lint,
            "docs" => Self::Docs,
            "package" => Self::Package,
            "bench" => Self::Bench { filter: arguments.next() },
            "cluster" => Self::Cluster(Cluster::parse(arguments.by_ref().collect())?),
            "fuzz" => Self::Fuzz { seconds: arguments.next().as_deref().map_or(Ok(10), seconds)? },
            "screenshots" => Self::Screenshots { all: is_all(arguments.next().as_deref())? },
            "deny" => Self::Deny,
            "msrv" => Self::Msrv,
            "help" | "--help" | "-h" => Self::Help,
            _ => return Err(format!("there is no task `{name}`")),
        };
        match arguments.next() {
            Some(extra) => Err(format!("`{name}` does not take `{extra}`")),
            None => Ok(task),
        }
    }

    pub(crate) fn run(self) -> ExitCode {
        match self {
            Self::Test => test::run(),
            Self::Lint => report(lint::run()),
            Self::Docs => report(docs()),
            Self::Package => report(package::run()),
            Self::Bench { filter } => report(bench(filter)),
            Self::Cluster(cluster) => report(cluster.run()),
            Self::Fuzz { seconds } => report(fuzz::run(seconds)),
            Self::Screenshots { all } => report(screenshots(all)),
            Self::Deny => report(deny()),
            Self::Msrv => report(msrv()),
            Self::Help => {
                println!("{HELP}");
                ExitCode::SUCCESS
            }
        }
    }
}

fn seconds(text: &str) -> Result<u32, String> {
    // libFuzzer takes 0 for "for ever".
    text.parse()
        .ok()
        .filter(|&seconds| seconds > 0)
        .ok_or_else(|| format!("`{text}` is no time to fuzz"))
}

fn is_all(argument: Option<&str>) -> Result<bool, String> {
    match argument {
        None => Ok(false),
        Some("--all") => Ok(true),
        Some(other) => Err(format!("`{other}` is no choice of pictures")),
    }
}

pub(crate) fn docs() -> Result<(), Failure> {
    Step::cargo("docs")
        .words("doc --quiet --locked --workspace --all-features --no-deps")
        .environment("RUSTDOCFLAGS", "--deny warnings")
        .run()
}

fn bench(filter: Option<String>) -> Result<(), Failure> {
    Step::cargo("benches")
        .words("bench --locked --workspace --all-features --bench * --")
        .arguments(filter)
        .run()
}

fn screenshots(all: bool) -> Result<(), Failure> {
    system_need::provide(&[BROWSER, FONTS])?;
    Step::cargo("screenshots")
        .words("test --quiet --locked --package takumo-cloud --test screenshots --")
        .arguments(all.then_some("--all"))
        .run()
}

fn deny() -> Result<(), Failure> {
    Step::new("dependencies", cargo_tool::DENY.provide()?)
        .words("--workspace --all-features --locked")
        .words("check --hide-inclusion-graph bans licenses sources")
        .run()
}

fn msrv() -> Result<(), Failure> {
    let oldest = concat!(env!("CARGO_PKG_RUST_VERSION"), ".0");
    let compiler = || Step::new("oldest compiler", "rustup").words("run").arguments([oldest]);
    compiler().words("rustc --version").run().map_err(|_| {
        Failure::Missing(format!(
            "Rust {oldest} is not installed: `rustup toolchain install {oldest}`"
        ))
    })?;
    let packages = metadata::packages()?;
    let published = packages.iter().filter(|package| metadata::is_published(package));
    compiler()
        .words("cargo check --locked --all-features")
        .arguments(published.flat_map(|package| ["--package", metadata::name(package)]))
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task, String> {
        Task::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_task_of_the_help_is_one() {
        let names = HELP.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names: Vec<_> = names.filter_map(|line| line.split_whitespace().next()).collect();
        assert!(names.contains(&"test"), "{names:?}");
        for name in names {
            assert!(parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn arguments_are_read() {
        assert_eq!(parse("test"), Ok(Task::Test));
        assert_eq!(parse("bench"), Ok(Task::Bench { filter: None }));
        assert_eq!(parse("bench warm"), Ok(Task::Bench { filter: Some("warm".into()) }));
        assert_eq!(parse("fuzz"), Ok(Task::Fuzz { seconds: 10 }));
        assert_eq!(parse("fuzz 60"), Ok(Task::Fuzz { seconds: 60 }));
        assert_eq!(parse("screenshots"), Ok(Task::Screenshots { all: false }));
        assert_eq!(parse("screenshots --all"), Ok(Task::Screenshots { all: true }));
        assert_eq!(parse("--help"), Ok(Task::Help));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (line, named) in [
            ("", "which task"),
            ("tset", "`tset`"),
            ("test twice", "`twice`"),
            ("fuzz 0", "`0`"),
            ("fuzz soon", "`soon`"),
            ("fuzz 10 20", "`20`"),
            ("screenshots some", "`some`"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
