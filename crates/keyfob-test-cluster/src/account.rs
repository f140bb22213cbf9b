use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::ClusterError;

/// Whom servers run as: whoever runs the tests or, since PostgreSQL refuses to be root, somebody
/// else when that is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Own,
    Other { user: u32, group: u32 },
}

impl Account {
    pub(crate) fn for_servers() -> Result<Self, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let accounts = fs::read_to_string("/etc/passwd")
            .map_err(ClusterError::io("/etc/passwd can't be read"))?;
        Self::unprivileged(&accounts).ok_or(ClusterError::NoAccount)
    }

    /// PostgreSQL's own account, or else the first that is not root's.
    fn unprivileged(passwd: &str) -> Option<Self> {
        let accounts = || passwd.lines().filter_map(Self::of_line);
        let other = accounts().find(|(name, _)| *name == "postgres").or_else(|| {
            accounts().find(|(_, account)| !matches!(account, Self::Other { user: 0, .. }))
        });
        other.map(|(_, account)| account)
    }

    fn of_line(line: &str) -> Option<(&str, Self)> {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some((name, Self::Other { user, group }))
    }

    /// Makes the command run as this account.
    pub(crate) fn run<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match *self {
            Self::Own => command,
            Self::Other { user, group } => command.uid(user).gid(group),
        }
    }

    /// Gives this account a file or directory that the tests made.
    pub(crate) fn give(&self, path: &Path) -> Result<(), ClusterError> {
        match *self {
            Self::Own => Ok(()),
            Self::Other { user, group } => chown(path, Some(user), Some(group))
                .map_err(ClusterError::io(format!("{} can't be given away", path.display()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_own_account_is_preferred_and_root_is_never_taken() {
        let root = "root:x:0:0:root:/root:/bin/bash\n";
        let daemon = "daemon:x:1:2:daemon:/:/bin/false\n";
        let postgres = "postgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        let account = |user, group| Some(Account::Other { user, group });
        assert_eq!(Account::unprivileged(&[root, daemon, postgres].concat()), account(101, 104));
        assert_eq!(Account::unprivileged(&[root, daemon].concat()), account(1, 2));
        assert_eq!(Account::unprivileged(root), None);
    }
}
