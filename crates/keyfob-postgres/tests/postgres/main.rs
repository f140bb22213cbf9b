//! What this store has beyond the contract: its schema, its locks, its feed, its replicas and its roles.

mod database;
mod errors;
mod feed;
mod locks;
mod opening;
mod pruning;
mod replicas;
mod roles;
mod sample;
mod triggers;
