use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::account::Account;
use crate::{ClusterError, ServerCertificate};

/// How a server is set up.
#[derive(Clone, Debug, Default)]
#[must_use = "options start nothing by themselves"]
pub struct PostgresOptions {
    durable: bool,
    settings: Vec<(String, String)>,
    certificate: Option<ServerCertificate>,
}

impl PostgresOptions {
    /// A server that is quick and forgets what it answered if the machine loses its power; not if
    /// only its processes are killed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Syncs each commit to the disk, as a server of which something is measured must.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Sets a parameter of `postgresql.conf` for as long as the server exists.
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Speaks TLS with whoever asks for it, as the host that was certified. Connections without it
    /// are taken as well.
    pub fn with_certificate(mut self, certificate: ServerCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Puts the certificate where PostgreSQL looks for it, which insists that nobody else can read
    /// the key.
    pub(crate) fn write_certificate(
        &self,
        account: Account,
        data: &Path,
    ) -> Result<(), ClusterError> {
        let Some(ServerCertificate { certificate, key }) = &self.certificate else {
            return Ok(());
        };
        for (file, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = data.join(file);
            fs::write(&file, text)
                .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)))
                .map_err(ClusterError::io("a certificate can't be written"))?;
            account.give(&file)?;
        }
        Ok(())
    }

    /// What goes on the command line; the last of two settings of a name counts.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = String> {
        const ALWAYS: &[(&str, &str)] = &[
            ("max_connections", "300"),
            // A replica that was paused or cut off finds what it missed.
            ("wal_keep_size", "512MB"),
            // Files in the server's directory, so that a killed server leaves nothing elsewhere.
            ("dynamic_shared_memory_type", "mmap"),
        ];
        const QUICK: &[(&str, &str)] = &[("fsync", "off"), ("full_page_writes", "off")];
        let quick = if self.durable { &[] } else { QUICK };
        let tls: &[_] = if self.certificate.is_some() { &[("ssl", "on")] } else { &[] };
        let preset =
            ALWAYS.iter().chain(quick).chain(tls).map(|(name, value)| format!("{name}={value}"));
        preset
            .chain(self.settings.iter().map(|(name, value)| format!("{name}={value}")))
            .flat_map(|setting| ["-c".to_owned(), setting])
    }
}
