//! Changes of keys, organizations and the log: what each may do, and how many are written as one.

pub(crate) mod changes;
mod columns;
mod difference;
mod failed;
pub(crate) mod insertions;
pub(crate) mod load;
mod needs;
pub(crate) mod organizations;
mod queue;
pub(crate) mod request;
pub(crate) mod save;
mod slots;
mod values;
mod working_set;
mod writer;

pub(crate) use queue::Writes;
pub(crate) use writer::Writer;
