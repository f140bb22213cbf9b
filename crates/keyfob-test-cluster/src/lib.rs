#![doc = include_str!("../README.md")]

mod account;
mod certificate_authority;
mod cluster_error;
mod database;
mod guard;
mod pg_bouncer;
mod poll;
mod port;
mod postgres_faults;
mod postgres_options;
mod postgres_server;
mod process_tree;
mod program;
mod proxy;
mod replica;
mod template;

pub use certificate_authority::{CertificateAuthority, ServerCertificate};
pub use cluster_error::ClusterError;
pub use database::Database;
pub use pg_bouncer::{PgBouncer, PgBouncerOptions};
pub use postgres_faults::Paused;
pub use postgres_options::PostgresOptions;
pub use postgres_server::PostgresServer;
pub use proxy::Proxy;
pub use replica::ReplicaOptions;
