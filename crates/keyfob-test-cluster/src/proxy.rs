mod answers;
mod link;
mod relay;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::watch;

use crate::{ClusterError, Database};
use link::{Link, Losses, State};

/// A network in which things go wrong when they are told to: it listens on a port of the loopback
/// and passes connections on to another.
///
/// It runs in a thread of its own, so each method works in tests with and without an async runtime,
/// and returns at once. Connections that are open feel a fault as new ones do, and nothing passes any
/// more once [`black_hole`](Self::black_hole) or [`cut`](Self::cut) has returned.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    /// None once it is being dropped.
    state: Option<watch::Sender<State>>,
    losses: Arc<Losses>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens, and passes on to a port of the loopback.
    ///
    /// # Errors
    ///
    /// [`Io`](ClusterError::Io) if the operating system has no port or no thread.
    pub fn start(target_port: u16) -> Result<Self, ClusterError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ClusterError::io("no runtime for a proxy"))?;
        let no_port = || ClusterError::io("no port for a proxy");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_port())?;
        let address = listener.local_addr().map_err(no_port())?;
        listener.set_nonblocking(true).map_err(no_port())?;
        // A runtime that is only entered takes the listener, even where another one is running.
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(no_port())?
        };
        let (state, states) = watch::channel(State::whole(target(target_port)));
        let losses = Arc::default();
        let relays = relay::accept(listener, states, Arc::clone(&losses));
        let thread = thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || runtime.block_on(relays))
            .map_err(ClusterError::io("no thread for a proxy"))?;
        Ok(Self { port: address.port(), state: Some(state), losses, thread: Some(thread) })
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A database's URL over TCP through this proxy.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        database.url_through(self.port)
    }

    /// Resets all connections, and each new one as soon as it is made.
    pub fn cut(&self) {
        self.change(|state| {
            state.generation += 1;
            state.link = Link::Cut;
        });
    }

    /// Resets all connections, and takes new ones as before.
    pub fn reset_connections(&self) {
        self.change(|state| state.generation += 1);
    }

    /// Lets each byte arrive so much later, in either direction, in order, and however many are on
    /// the way.
    pub fn delay(&self, delay: Duration) {
        self.change(|state| state.link = Link::Whole { delay });
    }

    /// Passes nothing on, in either direction. Connections stay open, new ones are taken, and
    /// whoever waits for an answer waits. What is sent meanwhile arrives after
    /// [`heal`](Self::heal), as it would after a network was away for a moment.
    ///
    /// Unlike in a real network, the sender's kernel believes that its bytes have arrived: neither
    /// keep-alives nor `TCP_USER_TIMEOUT` end such a connection.
    pub fn black_hole(&self) {
        self.change(|state| state.link = Link::BlackHole);
    }

    /// Ends each fault but [`lose_next_answer`](Self::lose_next_answer).
    pub fn heal(&self) {
        self.change(|state| state.link = Link::Whole { delay: Duration::ZERO });
    }

    /// Lets the next `COMMIT` happen and its answer be lost: see
    /// [`lose_next_answer`](Self::lose_next_answer).
    pub fn lose_next_commit(&self) {
        self.lose_next_answer("COMMIT");
    }

    /// Waits until the server answers a statement by a command tag that starts so (`COMMIT`,
    /// `INSERT 0 1`, `UPDATE`), and has said that it is done; keeps that answer, and resets the
    /// connection. It happens once; another call before then changes which tag is waited for.
    ///
    /// A statement outside of a transaction has then committed; one inside is rolled back with it. The
    /// connection must be PostgreSQL's protocol, without TLS.
    pub fn lose_next_answer(&self, tag: &str) {
        self.losses.arm(tag);
    }

    /// How many answers were lost since it started.
    #[must_use]
    pub fn lost_answers(&self) -> u64 {
        self.losses.count.load(Ordering::SeqCst)
    }

    /// Passes new connections on to another port of the loopback. Those that are open stay where
    /// they are.
    pub fn retarget(&self, port: u16) {
        self.change(|state| state.target = target(port));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let state = self.state.as_ref().expect("it is taken when this is dropped");
        state.send_modify(change);
    }
}

impl Drop for Proxy {
    /// Ends all connections.
    fn drop(&mut self) {
        drop(self.state.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn target(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
