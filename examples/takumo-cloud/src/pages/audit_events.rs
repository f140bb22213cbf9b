//! Reads the events that a filter chooses, newest first, in bounded steps.

use std::cmp::Reverse;
use std::time::Duration;

use keyfob::{Event, EventQuery, FeedPosition, OrganizationId, Page, PageSize};

use super::audit_filter::Chosen;
use crate::app::App;
use crate::error::ApiError;

/// The number of queries that one page makes to walk past events of other days. If there are more
/// events, the page has a next one.
const MAX_QUERIES: usize = 50;
/// The largest difference between the clocks of servers. Events are dated by them.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

impl Chosen {
    /// A page of at most `size` events after this place. A page may be short, or empty, and have a
    /// next one.
    pub(super) async fn page(
        &self,
        app: &App,
        organization: &OrganizationId,
        size: PageSize,
        after: Option<FeedPosition>,
    ) -> Result<Page<Event, FeedPosition>, ApiError> {
        let has_days = self.from.is_some() || self.to.is_some();
        if !has_days {
            return self.step(app, organization, size, after).await;
        }
        let mut found: Vec<Event> = Vec::new();
        let mut place = after;
        let mut queries = 0;
        loop {
            let page = self.step(app, organization, PageSize::MAX, place).await?;
            queries += self.pairs();
            for event in page.items {
                if self.is_before_all(&event) {
                    return Ok(Page { items: found, next: None });
                }
                if !self.has_day_of(&event) {
                    continue;
                }
                let last = event.position;
                found.push(event);
                if found.len() == usize::from(size.get()) {
                    return Ok(Page { items: found, next: Some(last) });
                }
            }
            place = page.next;
            if place.is_none() || queries >= MAX_QUERIES {
                return Ok(Page { items: found, next: place });
            }
        }
    }

    /// The number of queries that a step makes.
    fn pairs(&self) -> usize {
        let actors = self.actors.as_ref().map_or(1, Vec::len);
        let keys = self.keys.as_ref().map_or(1, Vec::len);
        actors * keys
    }

    fn has_day_of(&self, event: &Event) -> bool {
        self.from.is_none_or(|from| event.at >= from) && self.to.is_none_or(|to| event.at < to)
    }

    /// Returns true if every event after this one is too old.
    fn is_before_all(&self, event: &Event) -> bool {
        self.from.is_some_and(|from| event.at.saturating_add(MAX_CLOCK_SKEW) < from)
    }

    /// A page of any day. The store has an index for one actor and for one key, so each pair is a
    /// query, and their answers are merged.
    async fn step(
        &self,
        app: &App,
        organization: &OrganizationId,
        size: PageSize,
        after: Option<FeedPosition>,
    ) -> Result<Page<Event, FeedPosition>, ApiError> {
        let mut pages = Vec::new();
        for query in self.queries(size, after) {
            pages.push(app.keys.events(organization, query).await?);
        }
        Ok(merged(pages, usize::from(size.get())))
    }

    fn queries(&self, size: PageSize, after: Option<FeedPosition>) -> Vec<EventQuery> {
        let actors = optional(self.actors.as_deref());
        let keys = optional(self.keys.as_deref());
        let mut queries = Vec::new();
        for actor in &actors {
            for key in &keys {
                let mut query = EventQuery::new(size);
                query.after = after;
                query.action.clone_from(&self.action);
                query.actor = actor.cloned();
                query.key = key.copied();
                queries.push(query);
            }
        }
        queries
    }
}

/// Every entry, or one that is nothing if there is no list.
fn optional<T>(list: Option<&[T]>) -> Vec<Option<&T>> {
    list.map_or_else(|| vec![None], |list| list.iter().map(Some).collect())
}

/// Merges pages that began at the same place. A page that has a next one knows nothing of events
/// that are older than its own end, so the merged page ends there too.
fn merged(pages: Vec<Page<Event, FeedPosition>>, size: usize) -> Page<Event, FeedPosition> {
    let end = pages.iter().filter_map(|page| page.next).max();
    let mut items: Vec<Event> = pages.into_iter().flat_map(|page| page.items).collect();
    items.retain(|event| end.is_none_or(|end| event.position >= end));
    items.sort_by_key(|event| Reverse(event.position));
    if items.len() <= size {
        return Page { items, next: end };
    }
    items.truncate(size);
    let next = items.last().map(|last| last.position);
    Page { items, next }
}

#[cfg(test)]
mod tests {
    use keyfob::{Action, Actor, Details, Timestamp};

    use super::*;

    fn event(position: u64) -> Event {
        Event {
            position: FeedPosition::new(position),
            at: Timestamp::from_micros(0),
            organization: OrganizationId::new("demo").unwrap(),
            key: None,
            action: Action::KEY_CREATED,
            actor: Actor::new("operator").unwrap(),
            request_id: None,
            details: Details::new(),
        }
    }

    fn page(positions: &[u64], next: Option<u64>) -> Page<Event, FeedPosition> {
        let items = positions.iter().copied().map(event).collect();
        Page { items, next: next.map(FeedPosition::new) }
    }

    fn places(page: &Page<Event, FeedPosition>) -> (Vec<u64>, Option<u64>) {
        let items = page.items.iter().map(|event| event.position.get()).collect();
        (items, page.next.map(FeedPosition::get))
    }

    #[test]
    fn merged_page_ends_where_the_first_of_its_pages_ends() {
        let merge = |pages, size| places(&merged(pages, size));
        let all = vec![page(&[9, 4], None), page(&[7, 5], None)];
        assert_eq!(merge(all.clone(), 10), (vec![9, 7, 5, 4], None));
        assert_eq!(merge(all, 2), (vec![9, 7], Some(7)));
        // The second page may have events between 5 and 4.
        let cut = vec![page(&[9, 4], None), page(&[7, 5], Some(5))];
        assert_eq!(merge(cut, 10), (vec![9, 7, 5], Some(5)));
        let both = vec![page(&[9, 4], Some(4)), page(&[7, 5], Some(5))];
        assert_eq!(merge(both, 10), (vec![9, 7, 5], Some(5)));
        // A page may be empty and have a next one.
        let empty = vec![page(&[9, 4], None), page(&[], Some(6))];
        assert_eq!(merge(empty, 10), (vec![9], Some(6)));
        assert_eq!(merge(vec![page(&[], None)], 10), (vec![], None));
    }
}
