#![doc = include_str!("../README.md")]

mod builder;
mod clock;
mod create_key;
mod principal;
mod requirement;
mod service;
mod verify_error;

pub use builder::KeyServiceBuilder;
pub use clock::{Clock, ManualClock, SystemClock};
pub use create_key::{CreateError, CreateKey, CreatedKey, CreatedOnce, Expiry};
pub use principal::Principal;
pub use requirement::Requirement;
pub use service::KeyService;
pub use verify_error::{Outage, Refusal, VerifyError};

pub use keyfob_core::*;
pub use keyfob_store::*;
