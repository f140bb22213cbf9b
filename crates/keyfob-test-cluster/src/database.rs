use std::path::{Path, PathBuf};

/// A database of a server, and the ways to it. It stays for as long as the server does.
#[derive(Clone, Debug)]
pub struct Database {
    name: String,
    port: u16,
    socket_directory: PathBuf,
}

impl Database {
    pub(crate) fn new(name: String, port: u16, socket_directory: &Path) -> Self {
        Self { name, port, socket_directory: socket_directory.to_owned() }
    }

    /// What SQL calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL over TCP, as the superuser, whom the server trusts without a password.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(self.port)
    }

    /// Its URL over TCP as somebody else. Anybody is trusted.
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{}", self.port, self.name)
    }

    /// Its URL through something that listens on another port of the loopback.
    #[must_use]
    pub fn url_through(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/{}", self.name)
    }

    /// Its URL over the server's Unix socket.
    #[must_use]
    pub fn socket_url(&self) -> String {
        let directory = self.socket_directory.display();
        format!("postgres:///{}?host={directory}&port={}&user=postgres", self.name, self.port)
    }
}
