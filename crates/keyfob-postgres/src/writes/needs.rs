use std::collections::{HashMap, HashSet};

use keyfob_store::{
    Idempotency, IdempotencyToken, KeyHash, KeyId, KeyLimit, OrganizationId, Timestamp,
};

/// What the requests of a transaction name: all that is read before they are decided.
#[derive(Default)]
pub(crate) struct Needs {
    pub(crate) organizations: HashSet<OrganizationId>,
    pub(crate) keys: HashSet<KeyId>,
    pub(crate) hashes: HashSet<KeyHash>,
    pub(crate) tokens: HashSet<(OrganizationId, IdempotencyToken)>,
    pub(crate) slots: HashMap<OrganizationId, SlotsNeed>,
    /// The earliest time at which one of the keys is changed.
    pub(crate) since: Option<Timestamp>,
}

/// What must be known of an organization's slots: how many are held at each time of this span, as far as it
/// takes to compare with so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SlotsNeed {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) most: u64,
}

impl Needs {
    /// A key of the organization, and what the feed has to say of it when it is changed at this time.
    pub(crate) fn key(&mut self, organization: &OrganizationId, key: KeyId, at: Timestamp) {
        self.organizations.insert(organization.clone());
        self.keys.insert(key);
        self.since = Some(self.since.map_or(at, |since| since.min(at)));
    }

    /// Whether a secret of this hash exists.
    pub(crate) fn hash(&mut self, hash: KeyHash) {
        self.hashes.insert(hash);
    }

    /// What a token was used for.
    pub(crate) fn token(&mut self, organization: &OrganizationId, asked: &Idempotency) {
        self.tokens.insert((organization.clone(), asked.token.clone()));
    }

    /// Whether the organization has room for another key at this time.
    pub(crate) fn room(&mut self, organization: &OrganizationId, limit: KeyLimit, at: Timestamp) {
        self.organizations.insert(organization.clone());
        let KeyLimit::AtMost(most) = limit else { return };
        let need = SlotsNeed { from: at, to: at, most };
        self.slots
            .entry(organization.clone())
            .and_modify(|known| {
                known.from = known.from.min(at);
                known.to = known.to.max(at);
                known.most = known.most.max(most);
            })
            .or_insert(need);
    }
}
