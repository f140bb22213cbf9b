use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::{PATIENCE, Request, Told};
use crate::failure::Failure;
use crate::protocol::{Command, Reply};

/// Requests to a node and its replies, of which any number may be under way.
pub(super) struct Conversation {
    input: Mutex<ChildStdin>,
    waiting: Arc<Mutex<Waiting>>,
    next: AtomicU64,
}

/// Who waits for which reply. `None`: the node is gone, and nobody need wait any more.
type Waiting = Option<HashMap<u64, oneshot::Sender<Reply>>>;

impl Conversation {
    /// The second half hears what the node tells unasked; it ends with the node.
    pub(super) fn start(
        input: ChildStdin,
        output: ChildStdout,
    ) -> (Self, mpsc::UnboundedReceiver<Told>) {
        let waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let (teller, unasked) = mpsc::unbounded_channel();
        let hearer = Arc::clone(&waiting);
        std::thread::spawn(move || {
            hear(output, &hearer, &teller);
            lock(&hearer).take();
        });
        (Self { input: Mutex::new(input), waiting, next: AtomicU64::new(0) }, unasked)
    }

    pub(super) fn say(&self, line: &impl Serialize) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(line).expect("no line has a map or a failing part");
        line.push(b'\n');
        lock(&self.input).write_all(&line).map_err(|_| Failure::Gone)
    }

    pub(super) async fn ask(&self, command: Command) -> Result<Reply, Failure> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, reply) = oneshot::channel();
        lock(&self.waiting).as_mut().ok_or(Failure::Gone)?.insert(id, sender);
        self.say(&Request { id, command })?;
        match tokio::time::timeout(PATIENCE, reply).await {
            Ok(Ok(Reply::Failed { transient, message })) => {
                Err(Failure::Refused { transient, message })
            }
            Ok(reply) => reply.map_err(|_| Failure::Gone),
            Err(_) => Err(Failure::Late("a node has answered")),
        }
    }
}

/// Until the node is gone. A line that its death has cut short is none.
fn hear(output: ChildStdout, waiting: &Mutex<Waiting>, unasked: &mpsc::UnboundedSender<Told>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Told::Reply { id, reply }) => {
                let waiter = lock(waiting).as_mut().and_then(|waiting| waiting.remove(&id));
                // Whoever lost patience needs no answer.
                let _ = waiter.map(|waiter| waiter.send(reply));
            }
            // Whoever does not listen need not be told.
            Ok(told) => drop(unasked.send(told)),
            Err(_) => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
