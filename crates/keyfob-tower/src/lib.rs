#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod authenticated_key;
#[cfg(feature = "axum")]
mod axum;
mod challenge;
mod credential;
mod future;
mod layer;
mod rejection;
mod require;
mod respond;

pub use authenticated_key::AuthenticatedKey;
pub use challenge::Realm;
pub use future::ApiKeyFuture;
pub use layer::{ApiKeyLayer, ApiKeyService};
pub use rejection::Rejection;
pub use require::{RequireFuture, RequireLayer, RequireService, require, require_scope};
pub use respond::{ProblemJson, Respond};
