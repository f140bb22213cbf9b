// The README makes a key, so its code can only be tested where keys can be made.
#![cfg_attr(any(not(doctest), feature = "getrandom"), doc = include_str!("../README.md"))]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod api_key;
mod environment;
mod error_message;
mod format;
#[cfg(any(feature = "getrandom", feature = "rand_core_0_10"))]
mod generate;
mod key_hash;
mod key_hint;
mod presented_key;
mod scope;
mod scope_pattern;
mod scope_set;
#[cfg(feature = "serde")]
mod serde_text;

pub use api_key::ApiKey;
pub use environment::{Environment, InvalidEnvironment};
pub use format::{InvalidBrand, KeyFormat};
#[cfg(feature = "getrandom")]
pub use generate::{EntropyError, fill_random};
pub use key_hash::{InvalidKeyHash, KeyHash};
pub use key_hint::{InvalidKeyHint, KeyHint};
pub use presented_key::{InvalidKey, PresentedKey};
pub use scope::{Scope, UnknownScope};
pub use scope_pattern::InvalidScopePattern;
pub use scope_set::{ScopeSet, Scopes};

/// What the exported macros name. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::scope::check_names;
    #[cfg(feature = "serde")]
    pub use crate::serde_text::from_str as deserialize_text;
    #[cfg(feature = "serde")]
    pub use serde;
}
