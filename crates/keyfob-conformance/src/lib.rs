#![doc = include_str!("../README.md")]

mod check;
mod factory;
mod failure;
mod follower;
mod footprint;
mod model;
mod report;
mod rules;
mod sample;
mod stage;
mod suite;

pub use factory::StoreFactory;
pub use failure::Failure;
pub use model::{ModelReport, ModelRun, StoreModel, run_model};
pub use report::{Report, Verdict};
pub use suite::{check_names, run_all, run_matching};
