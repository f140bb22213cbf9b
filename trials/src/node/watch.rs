use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyfob::Requirement;
use tokio::runtime::Handle;

use super::Service;
use crate::monotonic::Monotonic;
use crate::protocol::{Answer, KeyName, Plaintext, Sight, WatchedKey};

/// Verifies keys over and over, on a thread of its own, and takes down every answer.
///
/// What is answered from memory is asked a few thousand times a second; what needs the store is asked
/// again when it has answered. A key that is looked up is asked for from memory all the while, since
/// that is where a stale answer would come from.
pub(super) struct Watch {
    watched: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    keys: HashMap<KeyName, Arc<Key>>,
    over: bool,
}

struct Key {
    plaintext: Plaintext,
    is_looked_up: AtomicBool,
    sight: Mutex<Sight>,
}

impl Watch {
    pub(super) fn start(service: Service, pause: Duration) -> Self {
        let watched = Arc::<Mutex<Watched>>::default();
        let (keys, runtime) = (Arc::clone(&watched), Handle::current());
        std::thread::spawn(move || watch(&service, &runtime, &keys, pause));
        Self { watched }
    }

    pub(super) fn add(&self, keys: Vec<WatchedKey>) {
        let mut watched = lock(&self.watched);
        for WatchedKey { name, plaintext } in keys {
            let (is_looked_up, sight) = (AtomicBool::new(false), Mutex::default());
            watched.keys.insert(name, Arc::new(Key { plaintext, is_looked_up, sight }));
        }
    }

    /// What was seen of these. Of a key that is not watched, that is nothing.
    pub(super) fn see(&self, keys: &[KeyName]) -> Vec<Sight> {
        let watched = lock(&self.watched);
        keys.iter().map(|name| watched.keys.get(name)).map(sight).collect()
    }

    /// The same, and stops watching them.
    pub(super) fn take(&self, keys: &[KeyName]) -> Vec<Sight> {
        let mut watched = lock(&self.watched);
        keys.iter().map(|name| watched.keys.remove(name)).map(|key| sight(key.as_ref())).collect()
    }
}

fn sight(key: Option<&Arc<Key>>) -> Sight {
    key.map(|key| lock(&key.sight).clone()).unwrap_or_default()
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.watched).over = true;
    }
}

fn watch(service: &Service, runtime: &Handle, watched: &Mutex<Watched>, pause: Duration) {
    let mut round: Vec<Arc<Key>> = Vec::new();
    loop {
        {
            let watched = lock(watched);
            if watched.over {
                return;
            }
            round.clear();
            round.extend(watched.keys.values().cloned());
        }
        for key in &round {
            key.ask(service, runtime);
        }
        std::thread::sleep(pause);
    }
}

impl Key {
    fn ask(self: &Arc<Self>, service: &Service, runtime: &Handle) {
        let began = Monotonic::now();
        match service.authorize_at_once(self.plaintext.expose(), Requirement::ANY_KEY) {
            Some(verified) => self.saw(Answer::of(&verified), began),
            None if self.is_looked_up.swap(true, Ordering::AcqRel) => {}
            None => {
                let (key, service) = (Arc::clone(self), service.clone());
                runtime.spawn(async move {
                    let began = Monotonic::now();
                    let verified = service.verify(key.plaintext.expose()).await;
                    key.saw(Answer::of(&verified), began);
                    key.is_looked_up.store(false, Ordering::Release);
                });
            }
        }
    }

    fn saw(&self, answer: Answer, began: Monotonic) {
        lock(&self.sight).add(answer, began, Monotonic::now());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
