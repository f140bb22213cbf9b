//! What keyfob promises of many nodes, tried on real processes.
//!
//! A *node* is a process that serves keys of a store and does what it is told over its standard
//! input. A *trial* starts some, breaks things around them, compares what they answered with what
//! was promised, and prints what it measured. `cargo xtask cluster` runs all of them at full size;
//! `cargo test` runs each small, for the promises alone.

#![allow(clippy::print_stdout, reason = "figures are what it is for")]

mod all;
mod chart;
mod distribution;
mod failure;
mod findings;
mod monotonic;
mod network;
mod node;
mod node_process;
mod options;
mod protocol;
mod stage;
mod trial;
mod trials;

pub use failure::Failure;
pub use findings::Findings;
pub use node::run as run_node;
pub use options::{Options, USAGE};
pub use trial::{Plan, Size, Store, Trial};
