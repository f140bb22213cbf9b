use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::failure::Failure;
use crate::metadata;
use crate::step::{Step, workspace_root};

/// Packs every crate that is published, and builds each from what was packed alone: a file, a
/// feature or a version that only the workspace lends it is missed here. The others may need what is
/// published nowhere.
///
/// Each run has a target directory of its own. Cargo lays what it packed into a registry there,
/// builds from that, and takes the contents of a version in a registry to be for ever the same: in
/// the same directory, a second run would build what the first one packed.
pub(crate) fn run() -> Result<(), Failure> {
    let target = new_target_directory();
    let packages = metadata::packages()?;
    let published = packages.iter().filter(|package| metadata::is_published(package));
    // Dirty is allowed since nothing is uploaded, and changes are tested before they are committed.
    let result = Step::cargo("package")
        .words("package --quiet --locked --allow-dirty --target-dir")
        .arguments([&target])
        .arguments(published.flat_map(|package| ["--package", metadata::name(package)]))
        .run();
    // It is worth nothing any more, and if it stays it costs some disk and no result.
    let _ = fs::remove_dir_all(target);
    result
}

fn new_target_directory() -> PathBuf {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    workspace_root().join("target").join(format!("package-{}", now.as_nanos()))
}
