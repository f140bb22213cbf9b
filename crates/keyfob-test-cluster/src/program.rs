use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use crate::ClusterError;

/// A program of a PostgreSQL server's package: all of them from one directory, that of the `initdb`
/// on `PATH`, or of the newest release that Debian has installed.
pub(crate) fn postgres(program: &'static str) -> Result<PathBuf, ClusterError> {
    // `PATH` may lead to a link, and beside the link are none of the others. Debian's wrappers of
    // them would be found there, which are slow, and may be of another release.
    let initdb = on_path().chain(debian_releases()).map(|directory| directory.join("initdb"));
    initdb
        .filter_map(|initdb| initdb.canonicalize().ok())
        .map(|initdb| initdb.with_file_name(program))
        .find(|program| program.is_file())
        .ok_or(ClusterError::MissingProgram { program, package: "postgresql" })
}

/// `pgbouncer`, which Debian puts where only root's `PATH` leads.
pub(crate) fn pgbouncer() -> Result<PathBuf, ClusterError> {
    on_path()
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| program.is_file())
        .ok_or(ClusterError::MissingProgram { program: "pgbouncer", package: "pgbouncer" })
}

/// A command that neither reads from the terminal nor is told by the environment which server,
/// user or options PostgreSQL's programs should take.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).current_dir("/");
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end, and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, ClusterError> {
    let what = Path::new(command.get_program()).display().to_string();
    let Output { status, stdout, stderr } =
        command.output().map_err(ClusterError::io(format!("{what} can't be run")))?;
    if status.success() {
        return Ok(stdout);
    }
    let output = format!("{status}, {}", String::from_utf8_lossy(&stderr).trim_end());
    Err(ClusterError::Failed { what, output })
}

fn on_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// `/usr/lib/postgresql/15/bin` and its like, newest first.
fn debian_releases() -> impl Iterator<Item = PathBuf> {
    let root = Path::new("/usr/lib/postgresql");
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut releases: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    releases.sort_unstable_by(|a, b| b.cmp(a));
    releases.into_iter().map(move |release| root.join(release.to_string()).join("bin"))
}
