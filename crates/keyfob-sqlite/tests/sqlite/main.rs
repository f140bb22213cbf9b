//! What `keyfob-conformance` can't know of: files, processes, triggers and the embedder's own tables.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod child;
mod closing;
mod crash;
mod database;
mod errors;
mod full;
mod history;
mod neighbours;
mod opening;
mod processes;
mod pruning;
mod sample;
mod triggers;
mod turns;
mod upgrading;
