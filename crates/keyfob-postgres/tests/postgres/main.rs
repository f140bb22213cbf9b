//! What this store has beyond the contract: its schema, its locks, its feed, its replicas and its roles.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod connections;
mod database;
mod errors;
mod failover;
mod feed;
mod kept_plans;
mod locks;
mod lost_answers;
mod opening;
mod pruning;
mod replicas;
mod roles;
mod sample;
mod tls;
mod triggers;
