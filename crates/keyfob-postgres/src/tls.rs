//! How connections are encrypted: by rustls, or, without the feature `tls`, not at all.

#[cfg(feature = "tls")]
mod encrypted;
#[cfg(not(feature = "tls"))]
mod plain;

#[cfg(feature = "tls")]
pub(crate) use encrypted::{Tls, refusal};
#[cfg(not(feature = "tls"))]
pub(crate) use plain::{Tls, refusal};
