use std::path::PathBuf;

use crate::failure::Failure;
use crate::step::{Step, workspace_root};

/// A subcommand of cargo that some task needs, installed under `target/tools` on first use: the
/// versions that somebody has for other projects are neither used nor replaced.
#[derive(Debug)]
pub(crate) struct CargoTool {
    package: &'static str,
    version: &'static str,
}

/// Holds dependencies to `deny.toml`.
pub(crate) const DENY: CargoTool = CargoTool { package: "cargo-deny", version: "0.20.2" };

/// Builds and runs fuzz targets.
pub(crate) const FUZZ: CargoTool = CargoTool { package: "cargo-fuzz", version: "0.13.2" };

impl CargoTool {
    /// The program, which is compiled first when this version of it is not there: minutes, once.
    pub(crate) fn provide(&self) -> Result<PathBuf, Failure> {
        let Self { package, version } = self;
        let root = workspace_root().join("target/tools").join(format!("{package}-{version}"));
        let program = root.join("bin").join(package);
        if !program.exists() {
            Step::cargo(format!("install {package}"))
                .words("install --locked")
                .arguments([package, "--version", version])
                .arguments(["--root".as_ref(), root.as_os_str()])
                .run()?;
        }
        Ok(program)
    }
}
