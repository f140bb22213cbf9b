use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::apt;
use crate::failure::Failure;

/// A program of the operating system that some test runs, or a font that it shows.
///
/// What compiling needs (a linker, a C compiler) is not among them: this program was compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemNeed {
    /// The program, looked for as `place` says.
    program: &'static str,
    place: Place,
    /// The Debian package that brings it.
    package: &'static str,
    /// Which test runs it, and what for.
    why: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// On `PATH`, or where Debian puts what only root is expected to start.
    Path,
    /// In the directory of a PostgreSQL server's programs, which Debian keeps off `PATH`: that of
    /// `initdb`, as `keyfob-test-cluster` looks for it.
    PostgreSql,
    /// Among the fonts: it is no program, and need not be one that can run.
    Fonts,
}

/// What checks the test vectors.
pub(crate) const VECTORS: &[SystemNeed] = &[
    SystemNeed {
        program: "sha256sum",
        place: Place::Path,
        package: "coreutils",
        why: "keyfob-core checks its test vectors with a SHA-256 that is not its own",
    },
    SystemNeed {
        program: "python3",
        place: Place::Path,
        package: "python3",
        why: "keyfob-core checks its test vectors with a SHA-256 that is not its own",
    },
];

/// The servers that stores are tried and measured on.
pub(crate) const SERVERS: &[SystemNeed] = &[
    SystemNeed {
        program: "postgres",
        place: Place::PostgreSql,
        package: "postgresql",
        why: "keyfob-postgres and takumo-cloud are tested with real servers, private to each test",
    },
    SystemNeed {
        program: "pg_basebackup",
        place: Place::PostgreSql,
        package: "postgresql",
        why: "keyfob-postgres is tested with streaming replicas",
    },
    SystemNeed {
        program: "psql",
        place: Place::PostgreSql,
        package: "postgresql",
        why: "keyfob-test-cluster makes databases with it",
    },
    SystemNeed {
        program: "pgbench",
        place: Place::PostgreSql,
        package: "postgresql",
        why: "lookups in PostgreSQL are measured against it",
    },
    SystemNeed {
        program: "pgbouncer",
        place: Place::Path,
        package: "pgbouncer",
        why: "keyfob-postgres is tested through a pooler in transaction mode",
    },
    SystemNeed {
        program: "openssl",
        place: Place::Path,
        package: "openssl",
        why: "keyfob-test-cluster makes the certificates of its servers with it",
    },
];

/// The browser.
pub(crate) const BROWSER: &[SystemNeed] = &[
    SystemNeed {
        program: "chromium",
        place: Place::Path,
        package: "chromium",
        why: "takumo-cloud's pages are tested, and their pictures taken, in a browser",
    },
    SystemNeed {
        program: "chromedriver",
        place: Place::Path,
        package: "chromium-driver",
        why: "takumo-cloud's pages are tested, and their pictures taken, in a browser",
    },
];

/// What looks for barriers in pages.
pub(crate) const AXE: &[SystemNeed] = &[
    SystemNeed {
        program: "npm",
        place: Place::Path,
        package: "npm",
        why: "axe-core, which looks for what keeps people from using a page, is there only",
    },
    SystemNeed {
        program: "tar",
        place: Place::Path,
        package: "tar",
        why: "it takes axe-core out of its package",
    },
];

/// The font of the pictures.
pub(crate) const FONTS: &[SystemNeed] = &[SystemNeed {
    program: "Inter-Regular.otf",
    place: Place::Fonts,
    package: "fonts-inter",
    why: "the pictures look the same wherever they are taken",
}];

/// Finds every program, or installs its package, or says what to install.
pub(crate) fn provide(needs: &[&[SystemNeed]]) -> Result<(), Failure> {
    let path = env::var_os("PATH").unwrap_or_default();
    let needs = needs.concat();
    let missing = missing(&needs, &path);
    if missing.is_empty() {
        return Ok(());
    }
    if !(is_root() && Place::Path.holds("apt-get", &path)) {
        return Err(Failure::Missing(how_to_provide(&missing)));
    }
    let mut packages: Vec<_> = missing.iter().map(|need| need.package).collect();
    packages.dedup();
    apt::install(&packages)
}

fn missing<'a>(needs: &'a [SystemNeed], path: &OsStr) -> Vec<&'a SystemNeed> {
    needs.iter().filter(|need| !need.place.holds(need.program, path)).collect()
}

impl Place {
    fn holds(&self, program: &str, path: &OsStr) -> bool {
        let holds = |directory: &PathBuf| match self {
            Self::Fonts => directory.join(program).is_file(),
            Self::Path | Self::PostgreSql => is_executable(&directory.join(program)),
        };
        self.directories(path).iter().any(holds)
    }

    fn directories(&self, path: &OsStr) -> Vec<PathBuf> {
        let on_path = env::split_paths(path);
        match self {
            Self::Path => on_path.chain(["/usr/sbin".into(), "/usr/local/sbin".into()]).collect(),
            Self::Fonts => vec!["/usr/share/fonts/opentype/inter".into()],
            Self::PostgreSql => {
                let releases = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
                on_path
                    .chain(releases.map(|release| release.path().join("bin")))
                    .filter_map(|directory| directory.join("initdb").canonicalize().ok())
                    .filter_map(|initdb| initdb.parent().map(Path::to_owned))
                    .collect()
            }
        }
    }
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Whether this process may install packages: its own entry in `/proc` belongs to root.
fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|process| process.uid() == 0)
}

fn how_to_provide(missing: &[&SystemNeed]) -> String {
    let needs = missing.iter().map(|SystemNeed { program, package, why, .. }| {
        format!("  {program} (Debian package {package}): {why}")
    });
    let mut lines = vec!["what is needed is not there:".to_owned()];
    lines.extend(needs);
    lines.push("install them, or run as root where there is apt-get".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: SystemNeed = SystemNeed {
        program: "no-such-program",
        place: Place::Path,
        package: "its-package",
        why: "to be missed",
    };

    #[test]
    fn present_program_is_not_missing() {
        let path = env::var_os("PATH").unwrap();
        let present = SystemNeed { program: "sh", ..NEED };
        let needs = [present, NEED];
        let missing = missing(&needs, &path);
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].program, "no-such-program");
    }

    #[test]
    fn file_that_can_not_run_is_no_program() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(!Place::Path.holds("Cargo.toml", manifest.as_os_str()));
        assert!(!Place::Path.holds("src", manifest.as_os_str()));
    }

    #[test]
    fn program_of_a_server_is_found_beside_initdb_and_nowhere_else() {
        let path = OsStr::new("/usr/bin:/bin");
        assert!(Place::Path.holds("sh", path));
        assert!(!Place::PostgreSql.holds("sh", path));
    }

    #[test]
    fn message_names_the_program_its_package_and_why() {
        let message = how_to_provide(&[&NEED]);
        for part in [NEED.program, NEED.package, NEED.why] {
            assert!(message.contains(part), "{message}");
        }
    }
}
