use std::cmp::Reverse;

use keyfob_store::{
    Action, Attribution, Change, Changed, Changes, Event, EventQuery, FeedCursor, FeedPosition,
    History, KeyId, KeyStore, NewEvent, OrganizationId, Page, PageSize, StoreError,
};

use crate::fault::Fault;
use crate::faulty_store::{FaultyStore, now};

impl FaultyStore {
    pub(crate) fn faulty_append(
        &self,
        mut event: NewEvent,
        by: Attribution,
    ) -> Result<Event, StoreError> {
        event.organization = self.read_as(&event.organization);
        match self.fault {
            Fault::CustomDetailsAreLost => event.details.clear(),
            Fault::DetailsLoseControls => {
                let text = serde_json::to_string(&event.details).unwrap().replace("\\u0000", "");
                event.details = serde_json::from_str(&text).unwrap();
            }
            _ => {}
        }
        now(self.honest.append_event(event, by))
    }

    pub(crate) fn faulty_events(
        &self,
        organization: &OrganizationId,
        mut query: EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        let mut organization = self.read_as(organization);
        match self.fault {
            Fault::ActorFilterIsIgnored => query.actor = None,
            Fault::ActionFilterIsIgnored => query.action = None,
            Fault::KeyFilterIsIgnored => query.key = None,
            Fault::OnlyOldActionsAreFiltered => {
                let old = [Action::KEY_CREATED, Action::KEY_REVOKED];
                query.action = query.action.filter(|action| old.contains(action));
            }
            Fault::EventsOutliveTheirOrganization => query.history = History::WithDeleted,
            Fault::DeletionErasesTheLog => query.history = History::SinceDeletion,
            Fault::DeletedEventsDieWithTheHandle if self.handle > 1 => {
                query.history = History::SinceDeletion;
            }
            Fault::DeletedEventsAreNotFiltered if query.history == History::WithDeleted => {
                (query.key, query.actor, query.action) = (None, None, None);
            }
            Fault::DeletedEventsAreOfAllOrganizations if query.history == History::WithDeleted => {
                organization = organization.as_str().to_lowercase().parse().unwrap();
            }
            Fault::EventsIgnoreTheOrganization => {
                organization = query.key.and_then(|key| self.owner_of(key)).unwrap_or(organization);
            }
            _ => {}
        }
        let notes = self.notes();
        let with_deleted = query.history == History::WithDeleted;
        let mut page = now(self.honest.events(&organization, query))?;
        let revoked = |event: &Event| event.action == Action::KEY_REVOKED;
        match self.fault {
            Fault::EventFollowsItsChange => {
                page.items.retain(|event| !notes.hidden.contains(&event.position));
            }
            Fault::EventsForgetTheRequest => {
                page.items.iter_mut().for_each(|event| event.request_id = None);
            }
            Fault::EventsForgetTheReason => {
                for event in page.items.iter_mut().filter(|event| revoked(event)) {
                    event.details.clear();
                }
            }
            Fault::RotationIsNotLogged => {
                page.items.retain(|event| event.action != Action::KEY_ROTATED);
            }
            Fault::RetirementIsLoggedAsRotation => {
                mislabel(&mut page, &Action::KEY_RETIRED, &Action::KEY_ROTATED);
            }
            Fault::EnablingIsLoggedAsDisabling => {
                mislabel(&mut page, &Action::KEY_ENABLED, &Action::KEY_DISABLED);
            }
            Fault::ImportIsLoggedAsCreation => {
                mislabel(&mut page, &Action::KEY_IMPORTED, &Action::KEY_CREATED);
            }
            Fault::EditLogsNoDetails => {
                let edited = |event: &&mut Event| event.action == Action::KEY_EDITED;
                page.items.iter_mut().filter(edited).for_each(|event| event.details.clear());
            }
            Fault::DeletionForgetsTheRequest => {
                let deleted = |event: &&mut Event| event.action == Action::ORGANIZATION_DELETED;
                page.items.iter_mut().filter(deleted).for_each(|event| event.request_id = None);
            }
            Fault::OnlyTheDeletedAreListedWithTheDeleted if with_deleted => {
                let own = EventQuery::new(PageSize::MAX);
                let own = now(self.honest.events(&organization, own))?.items;
                page.items.retain(|event| !own.contains(event));
            }
            Fault::RevocationIsNotLogged => page.items.retain(|event| !revoked(event)),
            Fault::RevocationRewritesTheLog => {
                let gone: Vec<_> =
                    page.items.iter().filter(|at| revoked(at)).map(|at| at.key).collect();
                page.items.retain(|event| revoked(event) || !gone.contains(&event.key));
            }
            Fault::EventsAreInOrderOfTime => page.items.sort_by_key(|event| Reverse(event.at)),
            _ => {}
        }
        Ok(page)
    }

    pub(crate) fn faulty_position(&self) -> Result<FeedCursor, StoreError> {
        let end = now(self.honest.position())?;
        self.notes().cursors.insert(end.position(), end);
        match self.fault {
            Fault::EndIsAhead => {
                Ok(FeedCursor::new(FeedPosition::new(end.position().get() + 1), end.mark()))
            }
            _ => Ok(end),
        }
    }

    pub(crate) fn faulty_changes(
        &self,
        mut after: FeedCursor,
        mut limit: usize,
    ) -> Result<Changes, StoreError> {
        let mut notes = self.notes();
        let end = now(self.honest.position())?;
        match self.fault {
            Fault::FeedIgnoresItsLimit => limit = usize::MAX,
            Fault::FeedRepeatsTheLast => {
                let before = notes.cursors.range(..after.position()).next_back();
                after = before.map_or(FeedCursor::START, |(_, cursor)| *cursor);
            }
            Fault::FeedIsNeverLost if after.position() > end.position() => after = end,
            Fault::FeedIgnoresTheMark => {
                after = notes.cursors.get(&after.position()).copied().unwrap_or(after);
            }
            Fault::EmptyFeedIsLost if end == FeedCursor::START => {
                return Err(StoreError::FeedLost);
            }
            _ => {}
        }
        let mut told = now(self.honest.changes(after, limit))?;
        notes.cursors.insert(told.reached.position(), told.reached);
        match self.fault {
            Fault::FeedForgetsHashes => {
                for change in &mut told.changes {
                    if let Changed::Key { hashes, .. } = &mut change.changed {
                        hashes.clear();
                    }
                }
            }
            Fault::FeedOmitsRevocations => {
                let is_creation = |change: &Change| {
                    let before = FeedCursor::START;
                    let every = now(self.honest.changes(before, usize::MAX)).unwrap().changes;
                    every.iter().find(|at| key_of(at) == key_of(change)) == Some(change)
                };
                told.changes.retain(is_creation);
            }
            Fault::FeedIsOfOneOrganization => {
                let first = notes.stored.first().map(|key| &key.organization);
                let owner = |id: Option<KeyId>| {
                    notes.stored.iter().find(|key| Some(key.id) == id).map(|key| &key.organization)
                };
                told.changes.retain(|change| owner(key_of(change)) == first);
            }
            Fault::FeedTellsOfCustomEvents => {
                let last = told.changes.last().map_or(after.position(), |change| change.position);
                if told.reached.position() > last && told.changes.len() < limit {
                    let key = KeyId::from_bytes([0; 16]);
                    let changed = Changed::Key { key, hashes: vec![] };
                    told.changes.push(Change { position: told.reached.position(), changed });
                }
            }
            Fault::FeedForgetsOldSecrets => {
                for change in &mut told.changes {
                    if let Changed::Key { hashes, .. } = &mut change.changed {
                        hashes.truncate(1);
                    }
                }
            }
            Fault::DeletionIsNotTold => told.changes.retain(|change| key_of(change).is_some()),
            Fault::FeedReachesBeyondItsLimit => told.reached = end,
            Fault::FeedIsAlwaysComplete => told.complete = true,
            Fault::FeedSkipsWhatIsInFlight => {
                told.changes.retain(|change| !notes.hidden.contains(&change.position));
            }
            _ => told.changes.retain(|change| !notes.untold.contains(&change.position)),
        }
        Ok(told)
    }
}

fn mislabel(page: &mut Page<Event, FeedPosition>, from: &Action, to: &Action) {
    for event in page.items.iter_mut().filter(|event| event.action == *from) {
        event.action = to.clone();
    }
}

fn key_of(change: &Change) -> Option<KeyId> {
    match change.changed {
        Changed::Key { key, .. } => Some(key),
        Changed::Organization(_) => None,
    }
}
