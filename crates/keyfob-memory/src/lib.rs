#![doc = include_str!("../README.md")]

mod memory_store;
mod nodes;
mod state;
mod usage;

pub use memory_store::MemoryStore;
