//! Takumo Cloud from outside: over HTTP, and as a program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod bad_input;
mod binary;
mod client;
mod command_line;
mod completions;
mod cursors;
mod death;
mod deletion;
mod editing;
mod environments;
mod first_minute;
mod fleet;
mod grants;
mod hang_up;
mod idempotency;
mod import;
mod key_commands;
mod key_life;
mod limits;
mod load;
mod operator;
mod place;
mod revocation;
mod rotation;
mod scopes;
mod search;
mod secrecy;
mod server;
mod shield;
mod sqlite_file;
mod tenants;
mod usage;
