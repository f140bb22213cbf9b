//! The real server, in this process, and people who sign in to its pages.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;

use takumo_cloud::{Config, PublicUrl, Server};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::place;
use crate::webdriver::Window;

/// A server on a fresh database, which stops when it is dropped.
pub(crate) struct Site {
    pub(crate) url: String,
    /// Of the owner, `owner`.
    pub(crate) password: String,
    /// The path of the link that signs the owner in once.
    pub(crate) link: String,
    /// The first key, which holds a place in the plan.
    pub(crate) first_key: String,
    directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Started {
    address: SocketAddr,
    password: String,
    link: String,
    first_key: String,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::start_behind(None)
    }

    /// One that browsers reach by this URL, through a proxy.
    pub(crate) fn start_behind(public_url: Option<PublicUrl>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url,
            database: place::database(directory.path()).into(),
            require_environment: None,
        };
        let (stop, stopped) = oneshot::channel();
        let (started, starts) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async move {
                let mut server = Server::start(&config).await.unwrap();
                let (key, owner) = (server.take_first_key(), server.take_first_owner());
                let (key, owner) = (key.unwrap(), owner.unwrap());
                let made = Started {
                    address: server.address(),
                    password: owner.expose_password().to_owned(),
                    link: owner.expose_link(),
                    first_key: key.api_key.expose_secret().to_owned(),
                };
                started.send(made).unwrap();
                server.serve(async { drop(stopped.await) }).await.unwrap();
            });
        });
        let Started { address, password, link, first_key } = starts.recv().expect("it starts");
        let url = format!("http://{address}");
        let (stop, thread) = (Some(stop), Some(thread));
        Self { url, password, link, first_key, directory, stop, thread }
    }

    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What the operator's program prints.
    #[track_caller]
    pub(crate) fn operate(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_takumo-cloud"))
            .args(arguments)
            .current_dir(self.directory.path())
            .env_remove("TAKUMO_API_KEY")
            .env_remove("TAKUMO_LOG")
            .env("TAKUMO_DATABASE", place::url(self.directory.path()))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Signs the owner in.
    pub(crate) fn sign_in(&self, window: &Window) {
        self.sign_in_as(window, "owner", &self.password);
    }

    pub(crate) fn sign_in_as(&self, window: &Window, login: &str, password: &str) {
        window.go(&self.page("/sign-in"));
        window.fill("#login", login);
        window.fill("#password", password);
        window.follow("main button");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}
