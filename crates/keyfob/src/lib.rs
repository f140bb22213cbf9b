#![doc = include_str!("../README.md")]

mod attempts;
mod backoff;
mod builder;
mod cache;
mod clock;
mod confirmation;
mod core;
mod create_key;
mod follower;
mod health;
mod key_change;
mod key_life;
mod lookups;
mod node_status;
mod principal;
mod registration;
mod report;
mod reporter;
mod requirement;
mod service;
mod usage_counter;
mod usage_recorder;
mod usage_report;
mod verify_error;

pub use builder::KeyServiceBuilder;
pub use clock::{Clock, ManualClock, SystemClock};
pub use confirmation::{Confirmation, NodeConfirmation, NodeState};
pub use create_key::{CreateError, CreateKey, Expiry, IssuedKey, IssuedOnce};
pub use health::Health;
pub use key_change::KeyChange;
pub use key_life::{ImportKey, MOST_OVERLAP, RotateError};
pub use node_status::NodeStatus;
pub use principal::Principal;
pub use requirement::Requirement;
pub use service::KeyService;
pub use usage_report::{Bucket, Granularity, KeyUsage, Tally, UsageError, UsageRange, UsageReport};
pub use verify_error::{Outage, Refusal, VerifyError};

pub use keyfob_core::*;
pub use keyfob_store::*;
