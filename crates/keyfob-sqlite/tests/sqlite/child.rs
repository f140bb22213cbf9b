//! Child processes: this very test binary, told by its environment what to do and where.

use std::env;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use keyfob_sqlite::{OpenError, SqliteStore};
use keyfob_store::{Changed, FeedCursor, KeyLimit, KeyStore, StoreError};

use crate::database::Database;
use crate::sample::{by, new_key, organization, try_insert};

/// What a child does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Opens the file, and tells how that went.
    Open,
    /// Tries to create [`ATTEMPTS`] keys at once where there is room for [`SLOTS`], and tells the ids.
    Race,
    /// Revokes the first key that it sees.
    Revoke,
    /// Does what [`TASK`] says until it is killed, and tells what is acknowledged.
    Operate,
    /// Creates keys until it is killed or fails, and tells the id of each that was acknowledged.
    Write,
}

pub(crate) const ATTEMPTS: usize = 8;
pub(crate) const SLOTS: u64 = 5;

/// What a child of [`Role::Operate`] is to do: see [`crate::crash`].
pub(crate) const TASK: &str = "KEYFOB_TEST_TASK";

const ROLE: &str = "KEYFOB_TEST_ROLE";
const PATH: &str = "KEYFOB_TEST_PATH";
const GATE: &str = "KEYFOB_TEST_GATE";

/// What marks a line as told by a child, and not by the test harness around it.
const MARK: &str = "keyfob:";

/// The command that runs a child.
pub(crate) fn command(program: &Path, role: Role, database: &Database) -> Command {
    let mut command = Command::new(program);
    command
        .args(["child::main", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, format!("{role:?}"))
        .env(PATH, database.path())
        .env_remove(GATE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

pub(crate) fn program() -> PathBuf {
    env::current_exe().unwrap()
}

/// Runs a child to its end and returns what it told.
pub(crate) fn run(command: &mut Command) -> Vec<String> {
    told(command.spawn().unwrap())
}

/// Starts children that begin, all at once, when all of them are there.
pub(crate) fn run_at_once(children: usize, role: Role, database: &Database) -> Vec<Vec<String>> {
    let gate = database.directory().join("gate");
    std::fs::create_dir(&gate).unwrap();
    let children: Vec<Child> = (0..children)
        .map(|child| {
            let go = gate.join(child.to_string());
            command(&program(), role, database).env(GATE, go).spawn().unwrap()
        })
        .collect();
    poll("every child is at the gate", || {
        std::fs::read_dir(&gate).unwrap().count() == children.len()
    });
    std::fs::remove_dir_all(&gate).unwrap();
    children.into_iter().map(told).collect()
}

/// Runs a child that permissions bind: not as root.
#[cfg(unix)]
pub(crate) fn run_without_privileges(role: Role, database: &Database) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;

    const ROOT: u32 = 0;
    const NOBODY: u32 = 65_534;
    // Where this binary lies, another user may not be able to go.
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("child");
    std::fs::copy(self::program(), &program).unwrap();
    let root = std::fs::metadata(&program).unwrap().uid() == ROOT;
    let mut command = command(&program, role, database);
    if root {
        use std::os::unix::fs::PermissionsExt;
        let everyone = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), everyone).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    told(spawn_copy(command.current_dir("/")))
}

/// Starts a program that was just written. A process that another test forked meanwhile may hold it
/// open for writing until it starts its own program, and for so long it can't be run.
#[cfg(unix)]
fn spawn_copy(command: &mut Command) -> Child {
    let mut started = None;
    poll("the program is written", || {
        let spawned = command.spawn();
        let busy = |error: &std::io::Error| error.kind() == ErrorKind::ExecutableFileBusy;
        if !spawned.as_ref().is_err_and(busy) {
            started = Some(spawned.unwrap());
        }
        started.is_some()
    });
    started.unwrap()
}

/// A child whose words are heard while it runs.
pub(crate) struct Talking {
    child: Child,
    told: Receiver<String>,
}

impl Talking {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (teller, told) = mpsc::channel();
        let words = words(&mut child);
        std::thread::spawn(move || words.into_iter().try_for_each(|word| teller.send(word)));
        Self { child, told }
    }

    /// The next word, if there is one in time.
    pub(crate) fn hear(&self, patience: Duration) -> Option<String> {
        match self.told.recv_timeout(patience) {
            Ok(word) => Some(word),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the child has failed"),
        }
    }

    /// Ends it without warning (SIGKILL), and returns what it told until then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.told.iter().collect()
    }
}

/// What the child tells, until it ends. A word that death has cut short is none.
fn words(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let line = move || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line.ends_with('\n').then(|| line.trim_end().to_owned())
    };
    std::iter::from_fn(line).filter_map(|line| {
        // The harness writes the name of a test without ending the line.
        line.split_once(MARK).map(|(_, told)| told.to_owned())
    })
}

fn told(mut child: Child) -> Vec<String> {
    let told = words(&mut child).collect();
    assert!(child.wait().unwrap().success(), "the child failed");
    told
}

/// Waits for a condition, and not for ever.
pub(crate) fn poll(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "not after a minute: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn tell(what: impl std::fmt::Display) {
    println!("{MARK}{what}");
}

/// What child processes run. In the process of the tests themselves there is nothing for it to do.
#[test]
fn main() {
    let Some(path) = env::var_os(PATH).map(PathBuf::from) else { return };
    if let Some(gate) = env::var_os(GATE).map(PathBuf::from) {
        std::fs::write(&gate, "").unwrap();
        poll("the gate opens", || !gate.exists());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        match env::var(ROLE).unwrap().as_str() {
            "Open" => open(&path).await,
            "Race" => race(&path).await,
            "Revoke" => revoke(&path).await,
            "Operate" => {
                let store = SqliteStore::open(&path).await.unwrap();
                crate::crash::operate(store, &env::var(TASK).unwrap(), tell).await;
            }
            "Write" => write(&path).await,
            other => panic!("there is no role {other}"),
        }
    });
}

async fn open(path: &Path) {
    match SqliteStore::open(path).await {
        Ok(_) => tell("opened"),
        Err(OpenError::ReadOnly(_)) => tell("ReadOnly"),
        Err(error) => tell(format_args!("{error:?}")),
    }
}

async fn race(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    let attempts: Vec<_> = (0..ATTEMPTS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(
                async move { try_insert(&store, new_key(), KeyLimit::AtMost(SLOTS)).await },
            )
        })
        .collect();
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(key) => tell(key.id),
            Err(StoreError::LimitReached { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn revoke(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    let first = store.changes(FeedCursor::START, 1).await.unwrap().changes.remove(0);
    let Changed::Key { key, .. } = first.changed else { panic!("{first:?}") };
    store.revoke(&organization(), key, None, by()).await.unwrap();
}

async fn write(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    loop {
        let (one, two) = tokio::join!(
            try_insert(&store, new_key(), KeyLimit::Unlimited),
            try_insert(&store, new_key(), KeyLimit::Unlimited),
        );
        for made in [one, two] {
            match made {
                Ok(key) => tell(key.id),
                Err(StoreError::Unavailable(_)) => return,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}
