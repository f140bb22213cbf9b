//! The real server, in this process, on a port and a database of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use keyfob::Environment;
use takumo_cloud::{Config, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::client::Client;
use crate::place::database;

/// A server that stops when it is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    /// The key of `demo`, when the database was empty.
    pub(crate) first_key: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Serves the database of this directory.
    pub(crate) fn start(directory: &Path) -> Self {
        Self::start_with(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: None,
            database: database(directory).into(),
            require_environment: None,
        })
    }

    /// Serves keys of one environment only.
    pub(crate) fn start_requiring(directory: &Path, environment: Environment) -> Self {
        Self::start_with(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: None,
            database: database(directory).into(),
            require_environment: Some(environment),
        })
    }

    fn start_with(config: Config) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (started, starts) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async move {
                let mut server = Server::start(&config).await.unwrap();
                let first_key =
                    server.take_first_key().map(|made| made.api_key.expose_secret().to_owned());
                started.send((server.address(), first_key)).unwrap();
                // A test that failed drops its end, which is a reason to stop as well.
                server.serve(async { drop(stopped.await) }).await.unwrap();
            });
        });
        let (address, first_key) = starts.recv().expect("the server starts");
        Self { address, first_key, stop: Some(stop), thread: Some(thread) }
    }

    /// A client without a key.
    pub(crate) fn client(&self) -> Client {
        Client::new(format!("http://{}", self.address))
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

/// A fresh server and a client with its first key, of an organization without a limit of keys.
pub(crate) fn demo() -> (TempDir, TestServer, Client) {
    let directory = tempfile::tempdir().unwrap();
    let server = TestServer::start(directory.path());
    let client = server.client().with_key(server.first_key.clone().unwrap());
    client.patch("/v1/organization", &serde_json::json!({ "plan": "enterprise" })).expect(200);
    (directory, server, client)
}
