//! Takumo Cloud on PostgreSQL, from outside: all that the tests of `takumo` say of it on SQLite, and what only
//! several servers can show.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../takumo/audit.rs"]
mod audit;
#[path = "../takumo/bad_input.rs"]
mod bad_input;
#[path = "../takumo/binary.rs"]
mod binary;
#[path = "../takumo/client.rs"]
mod client;
#[path = "../takumo/command_line.rs"]
mod command_line;
#[path = "../takumo/completions.rs"]
mod completions;
#[path = "../takumo/cursors.rs"]
mod cursors;
#[path = "../takumo/death.rs"]
mod death;
#[path = "../takumo/deletion.rs"]
mod deletion;
mod deployment;
#[path = "../takumo/editing.rs"]
mod editing;
#[path = "../takumo/environments.rs"]
mod environments;
#[path = "../takumo/first_minute.rs"]
mod first_minute;
#[path = "../takumo/fleet.rs"]
mod fleet;
#[path = "../takumo/grants.rs"]
mod grants;
#[path = "../takumo/hang_up.rs"]
mod hang_up;
#[path = "../takumo/idempotency.rs"]
mod idempotency;
#[path = "../takumo/import.rs"]
mod import;
#[path = "../takumo/key_commands.rs"]
mod key_commands;
#[path = "../takumo/key_life.rs"]
mod key_life;
#[path = "../takumo/limits.rs"]
mod limits;
#[path = "../takumo/load.rs"]
mod load;
#[path = "../takumo/operator.rs"]
mod operator;
mod place;
mod pooler;
#[path = "../takumo/revocation.rs"]
mod revocation;
#[path = "../takumo/rotation.rs"]
mod rotation;
#[path = "../takumo/scopes.rs"]
mod scopes;
#[path = "../takumo/search.rs"]
mod search;
#[path = "../takumo/secrecy.rs"]
mod secrecy;
#[path = "../takumo/server.rs"]
mod server;
mod servers;
#[path = "../takumo/shield.rs"]
mod shield;
#[path = "../takumo/tenants.rs"]
mod tenants;
mod urls;
#[path = "../takumo/usage.rs"]
mod usage;
