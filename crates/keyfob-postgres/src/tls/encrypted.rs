use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use crate::OpenError;

/// Encrypts connections, to servers whose certificate names the host and is signed by an authority that is trusted.
///
/// There is no way to have it accept another: who reads what a verifying node is told, or answers in the server's
/// place, decides which keys are good.
#[derive(Clone)]
pub(crate) struct Tls {
    /// Without, the system's authorities are trusted, and read when a server first wants to encrypt.
    authorities: Option<Arc<ClientConfig>>,
}

impl Tls {
    pub(crate) fn new(root_certificates: &[Vec<u8>]) -> Result<Self, OpenError> {
        if root_certificates.is_empty() {
            return Ok(Self { authorities: None });
        }
        let mut roots = RootCertStore::empty();
        for pem in root_certificates {
            let before = roots.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let unusable = |error: &dyn Error| OpenError::Tls {
                    why: format!("a root certificate can't be used: {error}"),
                };
                let certificate = certificate.map_err(|error| unusable(&error))?;
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
            if roots.len() == before {
                let why = "what was given as root certificates has none in PEM";
                return Err(OpenError::Tls { why: why.into() });
            }
        }
        Ok(Self { authorities: Some(settings(roots)) })
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = Refused;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Refused> {
        Ok(Handshake { authorities: self.authorities.clone(), host: host.to_owned() })
    }
}

/// A connection that may yet be encrypted: the server has not said whether it can.
pub(crate) struct Handshake {
    authorities: Option<Arc<ClientConfig>>,
    host: String,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted, Refused>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let settings = match self.authorities {
                Some(settings) => settings,
                None => SYSTEM.clone().ok_or(Refused::NoAuthorities)?,
            };
            let host = ServerName::try_from(self.host).map_err(|_| Refused::Name)?;
            let stream = TlsConnector::from(settings).connect(host, socket).await?;
            Ok(Encrypted(stream))
        })
    }
}

/// What the system trusts, when it was first asked for; none where that is nothing.
static SYSTEM: LazyLock<Option<Arc<ClientConfig>>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // One that can't be read is not trusted, and that is all.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    (!roots.is_empty()).then(|| settings(roots))
});

fn settings(roots: RootCertStore) -> Arc<ClientConfig> {
    let mut settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has suites for the versions that rustls has by default")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // PostgreSQL 17 wants it where encryption starts at once (`sslnegotiation=direct`), others ignore it.
    settings.alpn_protocols = vec![b"postgresql".to_vec()];
    Arc::new(settings)
}

/// Why a connection is not encrypted, and so is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "this system has no root certificates: install them, or name the server's authority by \
         `with_root_certificates`"
    )]
    NoAuthorities,
    #[error("the host's name is none that a certificate can have")]
    Name,
    #[error(
        "the server's certificate is of an authority that is not trusted: name it by \
         `with_root_certificates`"
    )]
    Authority,
    #[error("the server's certificate is not accepted: {0}")]
    Certificate(CertificateError),
    /// Of the connection, mostly.
    #[error(transparent)]
    Other(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        let of_tls = error.get_ref().and_then(|cause| cause.downcast_ref());
        match of_tls {
            // The second is of an authority that has the name of one that is trusted.
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => Self::Authority,
            Some(rustls::Error::InvalidCertificate(why)) => Self::Certificate(why.clone()),
            _ => Self::Other(error),
        }
    }
}

/// Why a server is not to be trusted, if that is what the error is about: to ask again would not help.
pub(crate) fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let refused: &Refused = error.downcast_ref()?;
    (!matches!(refused, Refused::Other(_))).then(|| refused.to_string())
}

/// A connection, encrypted. It tells nothing of itself to an authentication by password: who could be in between has
/// been ruled out by the certificate.
pub(crate) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
