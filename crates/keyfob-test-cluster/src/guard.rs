use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::Pid;

use crate::account::Account;
use crate::poll::{self, PATIENCE};
use crate::process_tree::{self, ProcessTree};
use crate::{ClusterError, program};

/// A server and its directory, neither of which outlives the process that made this, however that
/// ends.
///
/// The server's parent is not the test but a shell, which waits at a pipe. When the test drops this,
/// exits or is killed, the pipe closes, and the shell ends the server and removes the directory. As
/// it does not ask before how a server ended, nobody else gets that process id meanwhile. The shell
/// is in a process group of its own: what a terminal sends to the tests does not reach it.
#[derive(Debug)]
pub(crate) struct Guard {
    directory: PathBuf,
    shell: Child,
    /// Closed when the shell shall clean up.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    server: Option<Pid>,
}

/// The arguments are the signal that ends the server, its directory, and its command line.
///
/// A signal waits until a process that was stopped goes on, which is why all of them shall. A server
/// that was killed has left its System V segment, by which PostgreSQL knows that it still runs.
const SHELL: &str = r#"
stop=$1 directory=$2 server=
shift 2
end() {
    [ -n "$server" ] || return
    kill -s "$1" "$server"
    read -r children <"/proc/$server/task/$server/children"
    kill -s CONT "$server" $children
    wait "$server"
    server=
}
while read -r order signal; do
    case $order in
    start) "$@" </dev/null >>"$directory/log" 2>&1 & server=$!; echo "$server" ;;
    end) end "$signal"; echo ended ;;
    esac
done
end "$stop"
segment=$(sed -n '7s/^ *[0-9]* *//p' "$directory/data/postmaster.pid") && ipcrm -m "$segment"
rm -rf "$directory" || rm -rf "$directory"
"#;

impl Guard {
    /// Makes a new directory, which belongs to `account`, for a server that is not started yet.
    pub(crate) fn new(
        account: Account,
        stop: &str,
        server: impl FnOnce(&Path) -> Command,
    ) -> Result<Self, ClusterError> {
        // Short: the path of a Unix socket has room for 107 bytes.
        let directory = tempfile::Builder::new()
            .prefix("keyfob-")
            .tempdir()
            .map_err(ClusterError::io("no directory for a server"))?;
        account.give(directory.path())?;
        let server = server(directory.path());
        let mut shell = program::command("sh");
        shell.args(["-c", SHELL, "guard", stop]).arg(directory.path());
        shell.arg(server.get_program()).args(server.get_args());
        account.run(&mut shell).process_group(0);
        let mut shell = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(ClusterError::io("the shell that guards a server can't be started"))?;
        let orders = shell.stdin.take();
        let answers = shell.stdout.take().expect("its standard output was just piped");
        Ok(Self {
            directory: directory.keep(),
            shell,
            orders,
            answers: BufReader::new(answers),
            server: None,
        })
    }

    /// Where the server's files are, and its socket, and its log.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts the server and waits until it is ready, or has ended. `what` names it in an error.
    pub(crate) fn start(
        &mut self,
        what: &str,
        mut ready: impl FnMut(Pid) -> bool,
    ) -> Result<(), ClusterError> {
        let answer = self.order("start")?;
        let server = process_tree::process(&answer)
            .ok_or_else(|| ClusterError::Failed { what: what.to_owned(), output: answer })?;
        self.server = Some(server);
        let ready = poll::until(PATIENCE, || {
            if process_tree::is_gone(server) {
                return Err(ClusterError::Failed {
                    what: what.to_owned(),
                    output: self.end_of_log(),
                });
            }
            Ok(ready(server).then_some(()))
        })?;
        ready.ok_or_else(|| ClusterError::TimedOut {
            what: what.to_owned(),
            output: self.end_of_log(),
        })
    }

    /// Stops all of the server's processes where they are, if it was started.
    pub(crate) fn stop_processes(&self) -> Option<ProcessTree> {
        self.server.map(ProcessTree::stop)
    }

    /// Ends the server by a signal, if it runs, and returns when it has ended.
    pub(crate) fn end(&mut self, signal: &str) -> Result<(), ClusterError> {
        self.server = None;
        self.order(&format!("end {signal}")).map(drop)
    }

    fn order(&mut self, order: &str) -> Result<String, ClusterError> {
        let orders = self.orders.as_mut().expect("it is taken when this is dropped");
        let mut answer = String::new();
        writeln!(orders, "{order}")
            .and_then(|()| self.answers.read_line(&mut answer))
            .map_err(ClusterError::io("the guard of a server does not answer"))?;
        Ok(answer)
    }

    /// The last lines that the server wrote, which say why it failed.
    fn end_of_log(&self) -> String {
        let log = fs::read(self.directory.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}
