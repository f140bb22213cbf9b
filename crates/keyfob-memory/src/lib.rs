#![doc = include_str!("../README.md")]

mod memory_store;
mod state;

pub use memory_store::MemoryStore;
