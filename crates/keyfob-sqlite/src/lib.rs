#![doc = include_str!("../README.md")]

mod connection;
mod migration;
mod open_error;
mod options;
mod queue;
mod reader;
mod reads;
mod request;
mod rows;
mod schema;
mod sqlite_error;
mod sqlite_store;
mod table_prefix;
mod threads;
mod watcher;
mod writer;
mod writes;

pub use migration::Migration;
pub use open_error::OpenError;
pub use options::SqliteOptions;
pub use sqlite_error::SqliteError;
pub use sqlite_store::SqliteStore;
pub use table_prefix::{InvalidTablePrefix, TablePrefix};
