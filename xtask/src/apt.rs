use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::failure::Failure;
use crate::step::Step;

/// Installs packages by `apt-get`, as root. Servers among them are not started, and PostgreSQL's
/// package makes no cluster: tests start servers of their own.
pub(crate) fn install(packages: &[&str]) -> Result<(), Failure> {
    // Debian asks this before it starts a service: 101 forbids it. Containers often have it.
    let _no_services = Provisional::create("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")?;
    let _no_cluster = Provisional::create(
        "/etc/postgresql-common/createcluster.d/keyfob-xtask.conf",
        "create_main_cluster = off\n",
    )?;
    // A mirror that changes while it is read refuses the first time, and not the second.
    update_and_install(packages).or_else(|_| update_and_install(packages))
}

fn update_and_install(packages: &[&str]) -> Result<(), Failure> {
    // A repository that can't be reached may be one that nothing here comes from: what was known
    // before is tried all the same.
    let _ = apt_get("update").run();
    apt_get("install --yes --no-install-recommends").arguments(packages).run()
}

fn apt_get(words: &str) -> Step {
    Step::new(format!("apt-get {words}"), "apt-get")
        // Another process may hold the lock, as one that installs security updates does.
        .words("-o Acquire::Retries=3 -o DPkg::Lock::Timeout=120")
        .words(words)
        .environment("DEBIAN_FRONTEND", "noninteractive")
}

/// A file of the system's settings that is there for a moment. One that was there before stays as
/// it is.
struct Provisional<'a> {
    path: Option<&'a Path>,
}

impl<'a> Provisional<'a> {
    fn create(path: &'a str, text: &str) -> Result<Self, Failure> {
        let path = Path::new(path);
        if path.exists() {
            return Ok(Self { path: None });
        }
        let created = Self { path: Some(path) };
        let directory = path.parent().expect("it is a file in a directory");
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(path, text))
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
            .map_err(|source| Failure::Command { step: path.display().to_string(), source })?;
        Ok(created)
    }
}

impl Drop for Provisional<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provisional_file_goes_again_and_one_that_was_there_stays() {
        let directory = std::env::temp_dir().join(format!("keyfob-xtask-{}", std::process::id()));
        let path = directory.join("deeper/policy");
        let path = path.to_str().unwrap();
        let provisional = Provisional::create(path, "new").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "new");
        let second = Provisional::create(path, "newer").unwrap();
        drop(second);
        assert_eq!(fs::read_to_string(path).unwrap(), "new");
        drop(provisional);
        assert!(!Path::new(path).exists());
        fs::remove_dir_all(directory).unwrap();
    }
}
