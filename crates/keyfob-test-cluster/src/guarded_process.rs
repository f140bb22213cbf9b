use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::Pid;

use crate::ClusterError;
use crate::account::Account;
use crate::poll::{self, PATIENCE};
use crate::process_tree::{self, ProcessTree};
use crate::program;

/// A server that does not outlive the process that started it, however that ends.
///
/// Its parent is not the test but a shell, the guard, which waits at a pipe. When the test drops
/// this, exits or is killed, the pipe closes, and the guard ends the server and removes its
/// directory. As the guard never asks how the server ended before that, nobody else gets its
/// process id while this lives. The guard is in a process group of its own: what a terminal sends to
/// the tests does not reach it.
#[derive(Debug)]
pub(crate) struct GuardedProcess {
    guard: Child,
    /// Closed when the guard shall act.
    orders: Option<ChildStdin>,
    server: Pid,
}

/// The arguments are the signal that ends the server, its directory, and its command line.
///
/// A signal waits until a process that was stopped goes on, which is why all of them shall. A server
/// that was killed has left its System V segment, by which PostgreSQL knows that it still runs: that
/// goes too, unless the directory stays for a server that looks for it.
const GUARD: &str = r#"
stop=$1 directory=$2
shift 2
"$@" </dev/null >>"$directory/log" 2>&1 &
server=$!
trap '' HUP INT QUIT TERM
echo "$server"
exec >/dev/null
read -r order signal
kill -s "${signal:-$stop}" "$server"
read -r children <"/proc/$server/task/$server/children"
kill -s CONT "$server" $children
wait "$server"
[ "$order" = keep ] && exit
segment=$(sed -n '7s/^ *[0-9]* *//p' "$directory/data/postmaster.pid") && ipcrm -m "$segment"
rm -rf "$directory" || rm -rf "$directory"
"#;

impl GuardedProcess {
    /// Starts `server`, as `account`, with its output in the file `log` of its directory.
    pub(crate) fn start(
        account: Account,
        directory: &Path,
        stop: &str,
        server: &Command,
    ) -> Result<Self, ClusterError> {
        let mut guard = program::command("sh");
        guard.args(["-c", GUARD, "guard", stop]).arg(directory);
        guard.arg(server.get_program()).args(server.get_args());
        account.run(&mut guard).process_group(0);
        let mut guard = guard
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(ClusterError::io("the shell that guards a server can't be started"))?;
        let orders = guard.stdin.take();
        let mut line = String::new();
        let output = guard.stdout.take().expect("its standard output was just piped");
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(ClusterError::io("the shell that guards a server does not answer"))?;
        match process_tree::process(&line) {
            Some(server) => Ok(Self { guard, orders, server }),
            None => Err(ClusterError::Failed {
                what: "the shell that guards a server".to_owned(),
                output: line,
            }),
        }
    }

    /// Waits until `ready`, unless the server ends first. `what` names it in an error.
    pub(crate) fn wait_until(
        &self,
        what: &str,
        directory: &Path,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), ClusterError> {
        let output = || end_of_log(directory);
        let answer = poll::until(PATIENCE, || {
            if process_tree::is_gone(self.server) {
                return Err(ClusterError::Failed { what: what.to_owned(), output: output() });
            }
            Ok(ready().then_some(()))
        })?;
        answer.ok_or_else(|| ClusterError::TimedOut { what: what.to_owned(), output: output() })
    }

    /// Stops all of its processes where they are.
    pub(crate) fn pause(&self) -> ProcessTree {
        ProcessTree::stop(self.server)
    }

    /// Ends the server by a signal and leaves its directory there.
    pub(crate) fn end(mut self, signal: &str) -> Result<(), ClusterError> {
        let orders = self.orders.take();
        let mut orders = orders.expect("it is only taken here and when this is dropped");
        writeln!(orders, "keep {signal}")
            .and_then(|()| self.guard.wait().map(drop))
            .map_err(ClusterError::io("the guard of a server is gone"))
    }
}

impl Drop for GuardedProcess {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.guard.wait();
    }
}

/// The last lines that a server wrote, which say why it failed.
pub(crate) fn end_of_log(directory: &Path) -> String {
    let log = fs::read(directory.join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
