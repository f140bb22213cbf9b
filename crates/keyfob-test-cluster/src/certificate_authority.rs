use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{ClusterError, program};

/// An authority of one's own, for servers with TLS: whoever trusts it accepts them, and nobody else
/// does. What it signs is good for two days.
#[derive(Debug)]
pub struct CertificateAuthority {
    directory: TempDir,
}

/// A server's certificate and its key.
#[derive(Clone)]
pub struct ServerCertificate {
    /// In PEM.
    pub(crate) certificate: String,
    /// In PEM. It protects nothing, and is made anew for each test.
    pub(crate) key: String,
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").finish_non_exhaustive()
    }
}

impl CertificateAuthority {
    /// Makes a key and signs it by itself.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) with what `openssl` said.
    pub fn new() -> Result<Self, ClusterError> {
        let directory = tempfile::Builder::new()
            .prefix("keyfob-authority-")
            .tempdir()
            .map_err(ClusterError::io("no directory for a certificate authority"))?;
        let authority = Self { directory };
        let extensions = "basicConstraints = critical, CA:TRUE\n\
                          keyUsage = critical, keyCertSign\n\
                          subjectKeyIdentifier = hash\n";
        authority.sign("authority", "keyfob's test authority", extensions, &[])?;
        Ok(authority)
    }

    /// Certifies that a server is `host`: a name, or an address of IP.
    ///
    /// # Errors
    ///
    /// [`Failed`](ClusterError::Failed) with what `openssl` said.
    pub fn certify(&self, host: &str) -> Result<ServerCertificate, ClusterError> {
        let kind = if host.parse::<IpAddr>().is_ok() { "IP" } else { "DNS" };
        let extensions = format!(
            "basicConstraints = critical, CA:FALSE\n\
             keyUsage = critical, digitalSignature\n\
             extendedKeyUsage = serverAuth\n\
             subjectAltName = {kind}:{host}\n"
        );
        let by = ["-CA", "authority.crt", "-CAkey", "authority.key"];
        self.sign("server", host, &extensions, &by)?;
        let read = |file| {
            fs::read_to_string(self.file(file))
                .map_err(ClusterError::io("a certificate can't be read"))
        };
        Ok(ServerCertificate { certificate: read("server.crt")?, key: read("server.key")? })
    }

    /// Its own certificate, as a file in PEM, which stays for as long as this does.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.file("authority.crt")
    }

    fn sign(
        &self,
        file: &str,
        name: &str,
        extensions: &str,
        by: &[&str],
    ) -> Result<(), ClusterError> {
        // Its own settings, since the system's would be added to these.
        let settings =
            format!("[req]\ndistinguished_name = name\n[name]\n[extensions]\n{extensions}");
        fs::write(self.file("settings"), settings)
            .map_err(ClusterError::io("no settings for openssl"))?;
        let mut openssl = program::command("openssl");
        openssl
            .current_dir(self.directory.path())
            .args(["req", "-x509", "-config", "settings", "-extensions", "extensions"])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"])
            .args(["-days", "2", "-subj", &format!("/CN={name}")])
            .args(["-out", &format!("{file}.crt"), "-keyout", &format!("{file}.key")])
            .args(by);
        program::output(&mut openssl).map(drop)
    }

    fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PostgresOptions, PostgresServer};

    /// What libpq says to a server whose certificate names `host`, when it wants `localhost`.
    fn answer(host: &str, signer: &CertificateAuthority, trusted: &CertificateAuthority) -> String {
        let certificate = signer.certify(host).unwrap();
        let options = PostgresOptions::new().with_certificate(certificate);
        let server = PostgresServer::start(&options).unwrap();
        let mut psql = program::command(program::postgres("psql").unwrap());
        let target = format!(
            "host=localhost hostaddr=127.0.0.1 port={} user=postgres sslmode=verify-full \
             sslrootcert={}",
            server.port(),
            trusted.certificate().display(),
        );
        psql.args([
            "-XAtq",
            "-d",
            &target,
            "-c",
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        ]);
        match program::output(&mut psql) {
            Ok(output) => String::from_utf8(output).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn server_is_verified_by_its_authority_and_its_name() {
        let authority = CertificateAuthority::new().unwrap();
        let other = CertificateAuthority::new().unwrap();
        assert_eq!(answer("localhost", &authority, &authority), "t\n");
        let refusal = answer("localhost", &authority, &other);
        assert!(refusal.contains("certificate verify failed"), "{refusal}");
        let refusal = answer("elsewhere.example", &authority, &authority);
        assert!(refusal.contains("does not match host name"), "{refusal}");
    }
}
