use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::client::Client;
use crate::operator::Operator;

/// `takumo-cloud serve` as a process of its own, killed when a test fails.
pub(crate) struct Serving {
    pub(crate) url: String,
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    first_line: String,
    /// Read all the time, since a server waits when a full pipe is not read.
    log: Option<JoinHandle<String>>,
}

impl Serving {
    /// Starts it on a free port, and returns when it listens.
    pub(crate) fn start(directory: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_on("127.0.0.1:0", directory, environment)
    }

    fn start_on(listen: &str, directory: &Path, environment: &[(&str, &str)]) -> Self {
        let mut child = Operator::new(directory)
            .command(&["serve", "--listen", listen])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        let Some((_, url)) = first_line.trim_end().rsplit_once(" at ") else {
            panic!("it does not serve: {}", log.join().unwrap());
        };
        Self { url: url.to_owned(), child, stdout, first_line, log: Some(log) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once, whatever it does, and answers with a moment just before.
    pub(crate) fn kill(&mut self) -> Instant {
        let now = Instant::now();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        now
    }

    /// Sends a signal, waits for the end, and answers with everything that was printed.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, String, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let mut printed = std::mem::take(&mut self.first_line);
        self.stdout.read_to_string(&mut printed).unwrap();
        let status = self.child.wait().unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        (status, printed, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The key that a first run prints, between `export TAKUMO_API_KEY=` and the end of the line.
pub(crate) fn printed_key(printed: &str) -> Option<&str> {
    printed.split("export TAKUMO_API_KEY=").nth(1)?.lines().next()
}

#[test]
fn first_run_prints_a_key_once_and_a_curl_that_works() {
    let directory = tempfile::tempdir().unwrap();
    let (status, printed, log) = Serving::start(directory.path(), &[]).stop("TERM");
    assert!(status.success(), "{log}");
    assert!(log.contains("stopped"), "{log}");
    let key = printed_key(&printed).unwrap().to_owned();
    assert_eq!(printed.matches(&key).count(), 1);
    assert!(
        printed.contains("curl -H \"Authorization: Bearer $TAKUMO_API_KEY\" http://127.0.0.1:")
    );
    assert!(!log.contains(&key));

    let again = Serving::start(directory.path(), &[]);
    Client::new(&again.url).with_key(&key).get("/v1/whoami").expect(200);
    let (status, printed, log) = again.stop("INT");
    assert!(status.success(), "{log}");
    assert!(!printed.contains("tk_live_"), "{printed}");
}

#[test]
fn curl_of_the_first_run_works_as_printed() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), &[]);
    let address = serving.url.strip_prefix("http://").unwrap().to_owned();
    // All that was printed is known when it has stopped, so the paste meets it started again.
    let (_, printed, _) = serving.stop("TERM");
    let _again = Serving::start_on(&address, directory.path(), &[]);
    let session: Vec<_> =
        printed.lines().filter(|line| line.starts_with("  ")).map(str::trim).collect();
    let pasted = Command::new("sh").args(["-ec", &session.join("\n")]).output();
    let answer = String::from_utf8(pasted.unwrap().stdout).unwrap();
    assert!(answer.starts_with("{\"organization\":\"demo\""), "{answer}");
}

#[test]
fn busy_port_is_named_and_changes_nothing() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    let (code, message) = Operator::new(directory.path()).failure(&["serve", "--listen", &address]);
    assert_eq!(code, 1);
    assert!(message.contains(&format!("{address} is in use")), "{message}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
