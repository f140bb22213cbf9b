use std::error::Error;

use tokio_postgres::tls::{MakeTlsConnect, NoTlsError, NoTlsStream};
use tokio_postgres::{NoTls, Socket};

use crate::OpenError;

/// What can't encrypt, and says so to who asks for it.
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

/// Why a connection was not encrypted, if that is what the error is about.
pub(crate) fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    error.is::<NoTlsError>().then(|| "this build is without the feature `tls`".into())
}
