//! What concerns an organization as a whole: its deletion, and the embedder's own events.

use keyfob_store::{Attribution, Committed, Event, LogEntry, NewEvent, OrganizationId, StoreError};

use super::needs::Needs;
use super::request::{Operation, Sharing};
use super::working_set::WorkingSet;

pub(crate) struct DeleteOrganization(pub(crate) OrganizationId, pub(crate) Attribution);

impl Operation for DeleteOrganization {
    type Answer = Committed<()>;

    /// What was made before it and what is made after it are of two epochs, and no order of the statements
    /// of one transaction would suit both.
    const SHARES: Sharing = Sharing::Alone;

    fn needs(&self, _: &mut Needs) {}

    fn decide(&self, set: &mut WorkingSet) -> Result<Self::Answer, StoreError> {
        let Self(organization, by) = self;
        Ok(Committed { value: (), position: set.delete_organization(organization, by) })
    }
}

pub(crate) struct AppendEvent(pub(crate) NewEvent, pub(crate) Attribution);

impl Operation for AppendEvent {
    type Answer = Event;

    fn needs(&self, _: &mut Needs) {}

    fn decide(&self, set: &mut WorkingSet) -> Result<Event, StoreError> {
        let (NewEvent { organization, action, details }, by) = (self.0.clone(), self.1.clone());
        let entry = LogEntry { action: action.clone(), details: details.clone() };
        let position = set.log(&organization, None, entry, &by);
        Ok(Event {
            position,
            at: by.at,
            action,
            actor: by.author.actor,
            organization,
            key: None,
            request_id: by.author.request_id,
            details,
        })
    }
}
