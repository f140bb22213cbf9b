use std::sync::{Mutex, PoisonError};

use crate::clock::Moment;

/// What became of something that is tried again and again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempts {
    /// When the last one began that succeeded.
    pub(crate) last_success: Option<Moment>,
    pub(crate) failures: u64,
}

/// The same, where one task tries and others look on.
#[derive(Debug, Default)]
pub(crate) struct SharedAttempts(Mutex<Attempts>);

impl SharedAttempts {
    pub(crate) fn get(&self) -> Attempts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note<E>(&self, began: Moment, attempt: Result<(), &E>) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match attempt {
            Ok(()) => attempts.last_success = Some(began),
            Err(_) => attempts.failures += 1,
        }
    }
}
