use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::failure::Failure;
use crate::step::Step;

/// A program of the operating system that some test runs.
///
/// What compiling needs (a linker, a C compiler) is not among them: this program was compiled.
#[derive(Debug)]
pub(crate) struct SystemNeed {
    /// The program, looked for on `PATH`.
    program: &'static str,
    /// The Debian package that brings it.
    package: &'static str,
    /// Which test runs it, and what for.
    why: &'static str,
}

/// All that the tests of this workspace need today. What no test needs is not installed.
pub(crate) const FOR_TESTS: &[SystemNeed] = &[
    SystemNeed {
        program: "sha256sum",
        package: "coreutils",
        why: "keyfob-core checks its test vectors with a SHA-256 that is not its own",
    },
    SystemNeed {
        program: "python3",
        package: "python3",
        why: "keyfob-core checks its test vectors with a SHA-256 that is not its own",
    },
];

/// Finds every program, or installs its package, or says what to install.
pub(crate) fn provide(needs: &[SystemNeed]) -> Result<(), Failure> {
    let path = env::var_os("PATH").unwrap_or_default();
    let missing = missing(needs, &path);
    if missing.is_empty() {
        return Ok(());
    }
    if !(is_root() && is_on_path("apt-get", &path)) {
        return Err(Failure::Missing(how_to_provide(&missing)));
    }
    apt_get("update").run()?;
    apt_get("install --yes --no-install-recommends")
        .arguments(missing.iter().map(|need| need.package))
        .run()
}

fn missing<'a>(needs: &'a [SystemNeed], path: &OsStr) -> Vec<&'a SystemNeed> {
    needs.iter().filter(|need| !is_on_path(need.program, path)).collect()
}

fn is_on_path(program: &str, path: &OsStr) -> bool {
    env::split_paths(path).any(|directory| is_executable(&directory.join(program)))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Whether this process may install packages: its own entry in `/proc` belongs to root.
fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|process| process.uid() == 0)
}

fn apt_get(words: &str) -> Step {
    Step::new(format!("apt-get {words}"), "apt-get")
        .words(words)
        .environment("DEBIAN_FRONTEND", "noninteractive")
}

fn how_to_provide(missing: &[&SystemNeed]) -> String {
    let needs = missing.iter().map(|SystemNeed { program, package, why }| {
        format!("  {program} (Debian package {package}): {why}")
    });
    let mut lines = vec!["the tests need programs that are not on PATH:".to_owned()];
    lines.extend(needs);
    lines.push("install them, or run as root where there is apt-get".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: SystemNeed =
        SystemNeed { program: "no-such-program", package: "its-package", why: "to be missed" };

    #[test]
    fn present_program_is_not_missing() {
        let path = env::var_os("PATH").unwrap();
        let needs =
            [SystemNeed { program: "sh", package: "dash", why: "every system has it" }, NEED];
        let missing = missing(&needs, &path);
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].program, "no-such-program");
    }

    #[test]
    fn file_that_can_not_run_is_no_program() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(!is_on_path("Cargo.toml", manifest.as_os_str()));
        assert!(!is_on_path("src", manifest.as_os_str()));
    }

    #[test]
    fn message_names_the_program_its_package_and_why() {
        let message = how_to_provide(&[&NEED]);
        for part in [NEED.program, NEED.package, NEED.why] {
            assert!(message.contains(part), "{message}");
        }
    }
}
