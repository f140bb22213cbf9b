//! Takumo Cloud from outside: over HTTP, and as a program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod binary;
mod client;
mod command_line;
mod cursors;
mod environments;
mod first_minute;
mod idempotency;
mod limits;
mod operator;
mod revocation;
mod scopes;
mod secrecy;
mod server;
mod shield;
mod tenants;
