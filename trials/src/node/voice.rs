use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::protocol::Told;

/// Standard output, by which a node speaks.
pub(super) struct Voice(Mutex<std::io::Stdout>);

impl Voice {
    pub(super) fn new() -> Self {
        Self(Mutex::new(std::io::stdout()))
    }

    /// Says it. When this returns, the line is in the pipe, and the death of the process does not
    /// take it back.
    pub(super) fn say(&self, told: &Told) {
        let mut line =
            serde_json::to_vec(told).expect("what is told has no map and no failing part");
        line.push(b'\n');
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A controller that is gone ends standard input as well, and the node with it.
        let _ = output.write_all(&line).and_then(|()| output.flush());
    }
}
