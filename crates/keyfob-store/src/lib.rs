#![doc = include_str!("../README.md")]

mod delegate_key_store;
mod dyn_store;
mod error;
mod event;
mod every_method;
mod feed;
mod key_change;
mod key_id;
mod key_record;
mod key_store;
mod log;
mod new_key;
mod node;
mod organization_id;
mod page;
mod scope_names;
mod text;
mod timestamp;
mod transition;
mod usage;
mod uuid_v7;

pub use delegate_key_store::DelegateKeyStore;
pub use dyn_store::DynStore;
pub use error::{BackendError, Conflict, ImportError, StoreError};
pub use event::{Action, Details, Event, EventQuery, History, InvalidAction, NewEvent};
pub use feed::{Change, Changed, Changes, Committed, FeedCursor, FeedPosition};
pub use key_change::{KeyEdit, Rotation, Switch};
pub use key_id::{InvalidKeyId, KeyId};
pub use key_record::{
    DamagedRecord, FoundKey, FoundKeys, FoundState, KeyRecord, KeyState, KeyStatus, Revocation,
    SecretRecord,
};
pub use key_store::KeyStore;
pub use new_key::{Idempotency, Issued, KeyLimit, NewKey, NewSecret};
pub use node::{InvalidNodeId, NodeId, NodeReport};
pub use organization_id::OrganizationId;
pub use page::{KeyQuery, Page, PageSize};
pub use scope_names::{InvalidScopeNames, ScopeNames};
pub use text::{
    Actor, Attribution, Author, IdempotencyToken, InvalidText, KeyName, NodeName, Reason,
    RequestId, TextProblem,
};
pub use timestamp::Timestamp;
pub use transition::LogEntry;
pub use usage::{Hour, Outcome, UsageBatch, UsageCount, UsageGrain, UsageQuery, UsageRow};

/// The vocabulary that the records are written in.
pub use keyfob_core::{Environment, InvalidEnvironment, KeyHash, KeyHint};
