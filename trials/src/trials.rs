//! The trials, a module each.

pub(crate) mod bound;
pub(crate) mod failover;
pub(crate) mod limits;
pub(crate) mod propagation;
pub(crate) mod usage;
