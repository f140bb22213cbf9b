use tokio_postgres::tls::{MakeTlsConnect, NoTlsError, NoTlsStream};
use tokio_postgres::{NoTls, Socket};

use crate::OpenError;

/// How connections are encrypted: in this build, not at all.
#[derive(Clone)]
pub(crate) struct Tls;

impl Tls {
    pub(crate) fn new(root_certificates: &[Vec<u8>]) -> Result<Self, OpenError> {
        if root_certificates.is_empty() {
            Ok(Self)
        } else {
            Err(OpenError::Tls { why: "this build is without the feature `tls`".into() })
        }
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = NoTlsStream;
    type TlsConnect = NoTls;
    type Error = NoTlsError;

    fn make_tls_connect(&mut self, _: &str) -> Result<NoTls, NoTlsError> {
        Ok(NoTls)
    }
}
