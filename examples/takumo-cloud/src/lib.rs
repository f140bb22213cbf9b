//! Takumo Cloud, the worked example of [keyfob]: an HTTP service whose every request needs
//! an API key, and the command line of those who run it.
//!
//! It is a library so that tests can start the server in their own process.

mod api;
mod app;
mod attempts;
mod auth;
mod changes;
pub mod cli;
mod config;
mod cursor;
mod database_url;
mod db;
mod error;
mod first_run;
mod grants;
mod import;
mod json;
mod membership;
mod node;
mod pages;
mod parameters;
mod passwords;
mod people;
mod public_url;
mod request;
mod scanner;
mod server;
mod store;
pub mod takumo;
mod time;
mod token;
mod unread;
mod usage_view;
mod views;

pub use config::{Config, DatabaseConfig};
pub use database_url::{DatabaseUrl, InvalidDatabaseUrl, PostgresUrl};
pub use db::DatabaseError;
pub use first_run::{FirstOwner, FirstRunError};
pub use public_url::{InvalidPublicUrl, PublicUrl};
pub use server::{Server, StartError};
pub use store::OpenError;
