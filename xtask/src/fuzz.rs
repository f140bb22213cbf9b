use std::fs;
use std::path::Path;

use crate::cargo_tool;
use crate::failure::Failure;
use crate::step::{Step, workspace_root};

/// Runs each fuzz target for so many seconds: a smoke test, not a search.
pub(crate) fn run(seconds: u32) -> Result<(), Failure> {
    let targets = targets(&workspace_root().join("fuzz/fuzz_targets"));
    if targets.is_empty() {
        return Err(Failure::Missing("there is no target in fuzz/fuzz_targets".into()));
    }
    nightly("nightly").words("cargo --version").run().map_err(|_| {
        Failure::Missing(
            "fuzzing needs a nightly compiler: `rustup toolchain install nightly`".into(),
        )
    })?;
    let cargo_fuzz = cargo_tool::FUZZ.provide()?;
    for target in targets {
        let step = nightly(&format!("fuzz {target}"))
            .arguments([cargo_fuzz.as_os_str()])
            .words(&format!("fuzz run {target}"));
        // What a run finds goes to the first directory, which is not in the repository.
        let corpus = workspace_root().join("fuzz/corpus").join(&target);
        fs::create_dir_all(&corpus)
            .map_err(|source| Failure::Command { step: "corpus".into(), source })?;
        let seeds = Some(workspace_root().join("fuzz/seeds").join(&target));
        step.arguments([corpus])
            .arguments(seeds.filter(|seeds| seeds.exists()))
            .words(&format!("-- -max_total_time={seconds}"))
            .run()?;
    }
    Ok(())
}

fn nightly(name: &str) -> Step {
    Step::new(name, "rustup").words("run nightly")
}

/// The names of the files, in order.
fn targets(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut targets: Vec<_> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    targets.sort();
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_sources_of_the_directory() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let targets = targets(&sources);
        assert!(targets.contains(&"fuzz".to_owned()), "{targets:?}");
        assert!(targets.is_sorted(), "{targets:?}");
    }

    #[test]
    fn directory_that_is_not_there_has_no_targets() {
        assert!(targets(Path::new("/nonexistent/directory")).is_empty());
    }
}
