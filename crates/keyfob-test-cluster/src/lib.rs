#![doc = include_str!("../README.md")]

mod account;
mod cluster_error;
mod database;
mod guarded_process;
mod pg_bouncer;
mod poll;
mod port;
mod postgres_faults;
mod postgres_options;
mod postgres_server;
mod process_tree;
mod program;
mod template;

pub use cluster_error::ClusterError;
pub use database::Database;
pub use pg_bouncer::{PgBouncer, PgBouncerOptions};
pub use postgres_faults::Paused;
pub use postgres_options::PostgresOptions;
pub use postgres_server::PostgresServer;
