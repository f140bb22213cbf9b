//! The controller's end of a node: a process, and calls to it.

mod calls;
mod conversation;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::protocol::{Request, Settings, Told};
pub(crate) use calls::Revoked;
use conversation::Conversation;

/// A node that runs. When this is dropped it is killed.
pub(crate) struct NodeProcess {
    child: Mutex<Child>,
    conversation: Conversation,
}

/// How long a node may take until it serves.
const START: Duration = Duration::from_secs(60);

/// How long a node may take for an answer: longer than any fault lasts.
const PATIENCE: Duration = Duration::from_secs(180);

impl NodeProcess {
    /// Starts a node and waits until it serves. What it tells unasked is dropped.
    pub(crate) async fn start(program: &Path, settings: &Settings) -> Result<Self, Failure> {
        Self::start_talking(program, settings).await.map(|(node, _)| node)
    }

    /// The same, with all that it tells unasked.
    pub(crate) async fn start_talking(
        program: &Path,
        settings: &Settings,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Told>), Failure> {
        let mut child = Command::new(program)
            .arg("node")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::io("starting a node"))?;
        let input = child.stdin.take().expect("it was just piped");
        let output = child.stdout.take().expect("it was just piped");
        let (conversation, mut unasked) = Conversation::start(input, output);
        let node = Self { child: Mutex::new(child), conversation };
        node.conversation.say(settings)?;
        match tokio::time::timeout(START, unasked.recv()).await {
            Ok(Some(Told::Ready)) => Ok((node, unasked)),
            Ok(Some(Told::CouldNotStart(why))) => Err(Failure::NotStarted(why)),
            Ok(_) => Err(Failure::NotStarted("it ended without a word".into())),
            Err(_) => Err(Failure::Late("a node has started")),
        }
    }

    /// Stops the process where it is (SIGSTOP), with all that it was about to do.
    pub(crate) fn pause(&self) -> Result<(), Failure> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) -> Result<(), Failure> {
        self.signal(Signal::CONT)
    }

    /// Ends it without warning (SIGKILL), and returns when it is gone.
    pub(crate) fn kill(&self) -> Result<(), Failure> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill().and_then(|()| child.wait().map(drop)).map_err(Failure::io("killing a node"))
    }

    /// Only while the process was not waited for, so that the number is its own.
    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let what = "sending a signal to a node";
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if child.try_wait().map_err(Failure::io(what))?.is_some() {
            return Err(Failure::Gone);
        }
        kill_process(Pid::from_child(&child), signal)
            .map_err(|error| Failure::io(what)(error.into()))
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // There is nobody left to tell; and a process that is stopped can be killed.
        let _ = self.kill();
    }
}
