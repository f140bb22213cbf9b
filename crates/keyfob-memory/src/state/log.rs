//! The log, and the change feed that is read from it.

use std::hash::{BuildHasher, Hasher, RandomState};

use keyfob_store::{
    Action, Attribution, Change, Changed, Changes, Details, Event, EventQuery, FeedCursor,
    FeedPosition, History, KeyId, KeyRecord, LogEntry, NewEvent, OrganizationId, Page, StoreError,
};

use super::State;

impl State {
    pub(crate) fn append_event(&mut self, event: NewEvent, by: Attribution) -> Event {
        let NewEvent { organization, action, details } = event;
        self.log(organization, None, action, details, by).clone()
    }

    pub(super) fn log_key(
        &mut self,
        key: &KeyRecord,
        entry: LogEntry,
        by: Attribution,
    ) -> FeedPosition {
        let LogEntry { action, details } = entry;
        self.log(key.organization.clone(), Some(key.id), action, details, by).position
    }

    pub(super) fn log(
        &mut self,
        organization: OrganizationId,
        key: Option<KeyId>,
        action: Action,
        details: Details,
        by: Attribution,
    ) -> &Event {
        let position = FeedPosition::new(self.end().get() + 1);
        self.events.push(Event {
            position,
            at: by.at,
            action,
            actor: by.author.actor,
            organization,
            key,
            request_id: by.author.request_id,
            details,
        });
        self.marks.push(random_mark());
        self.events.last().expect("an event was just pushed")
    }

    pub(crate) fn events(
        &self,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Page<Event, FeedPosition> {
        let since = match query.history {
            History::SinceDeletion => self.organizations.get(organization).map(|own| own.since),
            History::WithDeleted => None,
        };
        let items = self
            .events
            .iter()
            .rev()
            .filter(|event| event.organization == *organization)
            .filter(|event| since.is_none_or(|since| event.position > since))
            .filter(|event| query.after.is_none_or(|after| event.position < after))
            .filter(|event| query.key.is_none_or(|key| event.key == Some(key)))
            .filter(|event| query.actor.as_ref().is_none_or(|actor| event.actor == *actor))
            .filter(|event| query.action.as_ref().is_none_or(|action| event.action == *action))
            .take(usize::from(query.size.get()) + 1)
            .cloned()
            .collect();
        Page::of_read_ahead(items, query.size, |last| last.position)
    }

    /// The position of the last event.
    pub(crate) fn end(&self) -> FeedPosition {
        FeedPosition::new(self.events.len() as u64)
    }

    /// The same, with the mark of that event.
    pub(crate) fn cursor(&self) -> FeedCursor {
        self.cursor_at(self.end())
    }

    /// A position that is in the log, with the mark of the event there.
    fn cursor_at(&self, position: FeedPosition) -> FeedCursor {
        let index = usize::try_from(position.get()).ok().and_then(|number| number.checked_sub(1));
        let mark = index.and_then(|index| self.marks.get(index)).copied();
        FeedCursor::new(position, mark.unwrap_or_default())
    }

    /// Whether the log has this event at this position.
    pub(crate) fn is_of_this_history(&self, cursor: FeedCursor) -> bool {
        cursor.position() <= self.end() && cursor == self.cursor_at(cursor.position())
    }

    pub(crate) fn changes(&self, after: FeedCursor, limit: usize) -> Result<Changes, StoreError> {
        if !self.is_of_this_history(after) {
            return Err(StoreError::FeedLost);
        }
        let unread = usize::try_from(after.position().get())
            .ok()
            .and_then(|after| self.events.get(after..))
            .ok_or(StoreError::FeedLost)?;
        let mut told = Changes { changes: Vec::new(), reached: after, complete: true };
        for event in unread {
            if let Some(changed) = self.changed(event) {
                if told.changes.len() == limit {
                    told.complete = false;
                    break;
                }
                told.changes.push(Change { position: event.position, changed });
            }
            told.reached = self.cursor_at(event.position);
        }
        Ok(told)
    }

    /// What the event tells the followers of the feed, if anything.
    fn changed(&self, event: &Event) -> Option<Changed> {
        if event.action == Action::ORGANIZATION_DELETED {
            return Some(Changed::Organization(event.organization.clone()));
        }
        let key = event.key?;
        let hashes = self.keys.get(&key).map_or_else(Vec::new, |key| key.hashes().collect());
        Some(Changed::Key { key, hashes })
    }
}

/// Random, since two histories must not give an event the same mark. Each hasher of the standard
/// library has keys of its own, derived from random ones.
fn random_mark() -> u128 {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}
