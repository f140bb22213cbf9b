//! The code in the README of the repository, compiled as this package's doctests.
//!
//! It is a package of its own because a crate that is published can't reach a file above itself.

/// The README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
