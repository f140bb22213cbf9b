#![doc = include_str!("../README.md")]

mod builder;
mod cache;
mod clock;
mod core;
mod create_key;
mod follower;
mod lookups;
mod principal;
mod report;
mod requirement;
mod service;
mod verify_error;

pub use builder::KeyServiceBuilder;
pub use clock::{Clock, ManualClock, SystemClock};
pub use create_key::{CreateError, CreateKey, CreatedKey, CreatedOnce, Expiry};
pub use follower::FeedStatus;
pub use principal::Principal;
pub use requirement::Requirement;
pub use service::KeyService;
pub use verify_error::{Outage, Refusal, VerifyError};

pub use keyfob_core::*;
pub use keyfob_store::*;
