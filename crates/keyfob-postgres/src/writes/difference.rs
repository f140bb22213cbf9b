use std::collections::{HashMap, HashSet};

use keyfob_store::{Attribution, IdempotencyToken, KeyId, LogEntry, OrganizationId, Timestamp};

/// What a transaction has to write, by name; the values are in the working set, as they are in the end.
#[derive(Default)]
pub(crate) struct Difference {
    pub(crate) new_keys: Vec<KeyId>,
    /// Keys whose own row changed, new ones among them.
    pub(crate) changed_keys: HashSet<KeyId>,
    pub(crate) new_secrets: Vec<(KeyId, u32)>,
    /// Secrets whose end changed, new ones among them.
    pub(crate) retired_secrets: HashSet<(KeyId, u32)>,
    pub(crate) events: Vec<LogLine>,
    pub(crate) feed: Vec<FeedEntry>,
    pub(crate) tokens: HashSet<(OrganizationId, IdempotencyToken)>,
    /// Organizations whose tokens are forgotten, if they had their time at this time.
    pub(crate) forgotten: HashMap<OrganizationId, Timestamp>,
    pub(crate) deleted: Vec<(OrganizationId, i64)>,
}

/// An event to be appended.
pub(crate) struct LogLine {
    pub(crate) position: i64,
    pub(crate) organization: OrganizationId,
    pub(crate) key: Option<KeyId>,
    pub(crate) entry: LogEntry,
    pub(crate) by: Attribution,
}

/// What followers are to forget because of it.
pub(crate) struct FeedEntry {
    pub(crate) position: i64,
    pub(crate) key: Option<KeyId>,
    pub(crate) organization: OrganizationId,
    /// One after the other.
    pub(crate) hashes: Vec<u8>,
}

impl Difference {
    /// Whether there is nothing to write: no change is without its event.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn forget_tokens(&mut self, organization: &OrganizationId, at: Timestamp) {
        let earliest = self.forgotten.entry(organization.clone()).or_insert(at);
        *earliest = at.min(*earliest);
    }
}
