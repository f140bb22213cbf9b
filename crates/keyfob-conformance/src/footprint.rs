use keyfob_store::{
    Change, DynStore, Event, EventQuery, KeyQuery, KeyRecord, KeyStore, OrganizationId, Timestamp,
    UsageRow,
};

use crate::Failure;
use crate::failure::holds;
use crate::follower::Follower;
use crate::sample::{all_usage, events, keys};

/// All that can be seen of some organizations. What leaves it as it was has written nothing.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Footprint {
    keys: Vec<Vec<KeyRecord>>,
    /// Those of deleted organizations of the same ids too.
    events: Vec<Vec<Event>>,
    usage: Vec<Vec<UsageRow>>,
    feed: Vec<Change>,
}

impl Footprint {
    pub(crate) async fn of(
        store: &DynStore,
        organizations: &[&OrganizationId],
    ) -> Result<Self, Failure> {
        let mut footprint = Self::default();
        for organization in organizations {
            footprint.keys.push(every_key(store, organization, keys(200), ANY_TIME).await?);
            footprint.usage.push(store.usage(organization, all_usage()).await?);
            let logged = every_event(store, organization, events(200).with_deleted()).await?;
            footprint.events.push(logged);
        }
        let mut follower = Follower::from_start(store);
        follower.read_on().await?;
        footprint.feed = follower.seen;
        Ok(footprint)
    }
}

const ANY_TIME: Timestamp = Timestamp::from_micros(0);

/// No check stores more than this many records, so whoever reads more pages goes in circles.
const MOST_RECORDS: usize = 10_000;

/// Every key that the query asks for, page by page.
pub(crate) async fn every_key(
    store: &DynStore,
    organization: &OrganizationId,
    mut query: KeyQuery,
    at: Timestamp,
) -> Result<Vec<KeyRecord>, Failure> {
    let mut every = Vec::new();
    loop {
        let page = store.list(organization, query.clone(), at).await?;
        holds(
            "a page is no longer than was asked for",
            page.items.len() <= size(query.size.get()),
        )?;
        every.extend(page.items);
        holds("the pages of a list come to an end", every.len() <= MOST_RECORDS)?;
        let Some(next) = page.next else { return Ok(every) };
        holds("each page leads farther", query.after.is_none_or(|after| next < after))?;
        query.after = Some(next);
    }
}

/// Every event that the query asks for, page by page.
pub(crate) async fn every_event(
    store: &DynStore,
    organization: &OrganizationId,
    mut query: EventQuery,
) -> Result<Vec<Event>, Failure> {
    let mut every = Vec::new();
    loop {
        let page = store.events(organization, query.clone()).await?;
        holds(
            "a page is no longer than was asked for",
            page.items.len() <= size(query.size.get()),
        )?;
        every.extend(page.items);
        holds("the pages of the log come to an end", every.len() <= MOST_RECORDS)?;
        let Some(next) = page.next else { return Ok(every) };
        holds("each page leads farther", query.after.is_none_or(|after| next < after))?;
        query.after = Some(next);
    }
}

fn size(size: u16) -> usize {
    usize::from(size)
}
