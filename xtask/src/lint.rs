use crate::failure::Failure;
use crate::feature_set::FeatureSet;
use crate::metadata;
use crate::step::Step;

/// Formatting, and clippy's warnings as errors: all features at once, and each alone.
pub(crate) fn run() -> Result<(), Failure> {
    Step::cargo("format").words("fmt --all --check").run()?;
    clippy("clippy").words("--workspace --all-features").arguments(DENY_WARNINGS).run()?;
    // No test, so `--all-targets` leaves it out.
    Step::cargo("clippy, screenshots")
        .words("clippy --quiet --locked --all-features --package takumo-cloud --test screenshots")
        .arguments(DENY_WARNINGS)
        .run()?;
    for set in FeatureSet::each_alone(&metadata::packages()?) {
        clippy(&format!("clippy, {set}"))
            .words("--no-default-features --package")
            .arguments([&set.package])
            .arguments(set.feature.iter().flat_map(|feature| ["--features", feature]))
            .arguments(DENY_WARNINGS)
            .run()?;
    }
    Ok(())
}

const DENY_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];

fn clippy(name: &str) -> Step {
    Step::cargo(name).words("clippy --quiet --locked --all-targets")
}
