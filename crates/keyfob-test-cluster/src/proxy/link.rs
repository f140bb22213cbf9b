use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a proxy does now.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// A connection of an earlier generation is reset: that is not missed even if the link is whole
    /// again before anybody looks.
    pub(super) generation: u64,
    pub(super) link: Link,
    pub(super) target: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Whole { delay: Duration },
    BlackHole,
    Cut,
}

impl State {
    pub(super) fn whole(target: SocketAddr) -> Self {
        Self { generation: 0, link: Link::Whole { delay: Duration::ZERO }, target }
    }
}

/// Which answer shall be lost, and how many were.
#[derive(Debug, Default)]
pub(super) struct Losses {
    armed: Mutex<Option<String>>,
    pub(super) count: AtomicU64,
}

impl Losses {
    pub(super) fn arm(&self, tag: &str) {
        *self.armed() = Some(tag.to_owned());
    }

    /// Whether the answer with this tag is the one. It is asked once for each answer, of whichever
    /// connection.
    pub(super) fn takes(&self, tag: &[u8]) -> bool {
        self.armed().take_if(|armed| tag.starts_with(armed.as_bytes())).is_some()
    }

    pub(super) fn happened(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    fn armed(&self) -> MutexGuard<'_, Option<String>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
