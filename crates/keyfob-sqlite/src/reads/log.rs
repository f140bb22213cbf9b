use keyfob_store::{
    Action, Actor, Event, EventQuery, FeedPosition, History, KeyId, OrganizationId, Page, PageSize,
    StoreError,
};
use rusqlite::{Statement, params};

use super::{EPOCH, all, first, to_number};
use crate::rows::{self, EVENT};

/// The log: as an organization reads it, from its last deletion on, or all of it.
pub(super) struct Log<'c> {
    organization: Walk<'c>,
    key: Walk<'c>,
    actor: Walk<'c>,
    action: Walk<'c>,
}

impl<'c> Log<'c> {
    pub(super) fn prepare(
        prepare: impl Fn(&str) -> rusqlite::Result<Statement<'c>>,
    ) -> rusqlite::Result<Self> {
        let walk = |whose| {
            Ok::<_, rusqlite::Error>(Walk {
                page: prepare(&sql(whose))?,
                end: prepare(&end_sql(whose))?,
            })
        };
        Ok(Self {
            organization: walk(OF_ORGANIZATION)?,
            key: walk(OF_KEY)?,
            actor: walk(OF_ACTOR)?,
            action: walk(OF_ACTION)?,
        })
    }

    pub(super) fn read(
        &mut self,
        organization: &OrganizationId,
        query: &EventQuery,
    ) -> Result<Page<Event, FeedPosition>, StoreError> {
        let walk = self.walk_for(query);
        let after = query.after.map_or(i64::MAX, to_number);
        let key = query.key.as_ref().map(KeyId::as_bytes);
        let actor = query.actor.as_ref().map(Actor::as_str);
        let action = query.action.as_ref().map(Action::as_str);
        let with_deleted = query.history == History::WithDeleted;
        let read_ahead = i64::from(query.size.get()) + 1;
        let values =
            params![organization.as_str(), after, key, actor, action, with_deleted, read_ahead];
        let events = all(&mut walk.page, values, rows::event)?;
        let examined_to = if events.len() > usize::from(query.size.get()) {
            None
        } else {
            let values = params![organization.as_str(), after, key, actor, action, with_deleted];
            first(&mut walk.end, values, |row| rows::position(row, 0))?
        };
        Ok(Page::of_examined(events, query.size, |last| last.position, examined_to))
    }

    /// Chooses the index whose walk is likely to be the shortest.
    fn walk_for(&mut self, query: &EventQuery) -> &mut Walk<'c> {
        if query.key.is_some() {
            &mut self.key
        } else if query.actor.is_some() {
            &mut self.actor
        } else if query.action.is_some() {
            &mut self.action
        } else {
            &mut self.organization
        }
    }

    /// The virtual machine's steps since the last call.
    #[cfg(test)]
    pub(super) fn steps(&self) -> i64 {
        [&self.organization, &self.key, &self.actor, &self.action]
            .into_iter()
            .flat_map(|walk| [&walk.page, &walk.end])
            .map(|statement| i64::from(statement.reset_status(rusqlite::StatementStatus::VmStep)))
            .sum()
    }
}

/// A walk along one index. It ends after [`PageSize::MAX_EXAMINED_ROWS`], however few of these the
/// other filters choose.
struct Walk<'c> {
    page: Statement<'c>,
    /// The last row of the walk, if there may be more behind it.
    end: Statement<'c>,
}

/// What a walk reads: an index, and the condition by which it is searched. SQLite is told which index
/// to use, since it counts the range of positions for more than the second column.
#[derive(Clone, Copy)]
pub(super) struct Whose {
    index: &'static str,
    condition: &'static str,
}

pub(super) const OF_ORGANIZATION: Whose =
    Whose { index: "events_by_organization", condition: "organization = ?1" };

pub(super) const OF_KEY: Whose =
    Whose { index: "events_by_key", condition: "key = ?3 AND organization = ?1" };

pub(super) const OF_ACTOR: Whose =
    Whose { index: "events_by_actor", condition: "organization = ?1 AND actor = ?4" };

pub(super) const OF_ACTION: Whose =
    Whose { index: "events_by_action", condition: "organization = ?1 AND action = ?5" };

pub(super) fn sql(whose: Whose) -> String {
    format!(
        "SELECT {EVENT} FROM (SELECT * FROM {} ORDER BY position DESC LIMIT {}) \
         WHERE (?3 IS NULL OR key = ?3) AND (?4 IS NULL OR actor = ?4) \
         AND (?5 IS NULL OR action = ?5) ORDER BY position DESC LIMIT ?7",
        range(whose),
        PageSize::MAX_EXAMINED_ROWS,
    )
}

pub(super) fn end_sql(whose: Whose) -> String {
    format!(
        "SELECT position FROM {} ORDER BY position DESC LIMIT 1 OFFSET {}",
        range(whose),
        PageSize::MAX_EXAMINED_ROWS - 1,
    )
}

fn range(Whose { index, condition }: Whose) -> String {
    format!(
        "{{prefix}}events INDEXED BY {{prefix}}{index} WHERE {condition} \
         AND position > CASE WHEN ?6 THEN 0 ELSE {EPOCH} END AND position < ?2"
    )
}
