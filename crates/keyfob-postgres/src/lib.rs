#![doc = include_str!("../README.md")]

mod database;
mod horizon;
mod hosts;
mod lanes;
mod listener;
mod lookups;
mod migration;
mod node_writes;
mod open_error;
mod options;
mod parts;
mod pipeline;
mod planning;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
mod plans;
#[cfg(feature = "deadpool_postgres_0_14")]
mod pool;
mod postgres_error;
mod postgres_store;
mod reads;
mod rows;
mod schema;
mod schema_name;
mod tls;
mod usage_writes;
mod writes;

pub use migration::Migration;
pub use open_error::OpenError;
pub use options::PostgresOptions;
pub use postgres_error::PostgresError;
pub use postgres_store::PostgresStore;
pub use schema_name::{InvalidSchemaName, SchemaName};
