use std::env;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::account::Account;
use crate::{ClusterError, program};

/// Makes a new server's files: `data` in the directory.
///
/// `initdb` takes a second, so its result is kept for every test on this machine, as one file: a
/// clean-up of the temporary directory takes it whole or not at all.
pub(crate) fn unpack(account: Account, directory: &Path) -> Result<(), ClusterError> {
    let archive = File::open(provide(account)?)
        .map_err(ClusterError::io("the template of a server can't be opened"))?;
    let mut tar = program::command("tar");
    tar.arg("-xf-").arg("-C").arg(directory).stdin(archive);
    program::output(account.run(&mut tar)).map(drop)
}

fn provide(account: Account) -> Result<PathBuf, ClusterError> {
    let initdb = program::postgres("initdb")?;
    let version = program::output(program::command(&initdb).arg("--version"))?;
    let version = String::from_utf8_lossy(&version);
    let version = version.split_whitespace().nth(2).unwrap_or_default().to_owned();
    let own = rustix::process::geteuid().as_raw();
    let archive = env::temp_dir().join(format!("keyfob-postgresql-{version}-of-{own}.tar"));
    // Others may write to the temporary directory, and this is taken as it is.
    if archive.symlink_metadata().is_ok_and(|file| file.is_file() && file.uid() == own) {
        return Ok(archive);
    }

    let directory = tempfile::Builder::new()
        .prefix("keyfob-template-")
        .tempdir()
        .map_err(ClusterError::io("no directory for the template of a server"))?;
    account.give(directory.path())?;
    let mut command = program::command(initdb);
    command
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
        .arg("--no-sync")
        .arg("-D")
        .arg(directory.path().join("data"));
    program::output(account.run(&mut command))?;

    // Whoever is first puts it there; who comes second replaces it by the same.
    let unfinished = tempfile::NamedTempFile::new()
        .map_err(ClusterError::io("no file for the template of a server"))?;
    let output = unfinished.reopen().map_err(ClusterError::io("the template can't be written"))?;
    let mut tar = program::command("tar");
    tar.arg("-cf-").arg("-C").arg(directory.path()).arg("data").stdout(Stdio::from(output));
    program::output(&mut tar)?;
    unfinished
        .persist(&archive)
        .map_err(|error| error.error)
        .map_err(ClusterError::io("the template can't be put in its place"))?;
    Ok(archive)
}
