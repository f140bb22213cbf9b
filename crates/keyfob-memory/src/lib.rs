#![doc = include_str!("../README.md")]

mod memory_store;
mod state;
mod usage;

pub use memory_store::MemoryStore;
