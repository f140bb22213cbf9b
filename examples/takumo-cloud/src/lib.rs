//! Takumo Cloud, the worked example of [keyfob]: an HTTP service whose every request needs
//! an API key, and the command line of those who run it.
//!
//! It is a library so that tests can start the server in their own process.

mod api;
mod app;
mod attempts;
mod auth;
pub mod cli;
mod config;
mod cursor;
mod db;
mod error;
mod first_run;
mod import;
mod json;
mod membership;
mod node;
mod pages;
mod parameters;
mod passwords;
mod people;
mod request;
mod scanner;
mod server;
pub mod takumo;
mod time;
mod token;
mod unread;
mod usage_view;
mod views;

pub use app::OpenError;
pub use config::{Config, DatabaseUrl, InvalidDatabaseUrl};
pub use db::DatabaseError;
pub use first_run::{FirstOwner, FirstRunError};
pub use server::{Server, StartError};
