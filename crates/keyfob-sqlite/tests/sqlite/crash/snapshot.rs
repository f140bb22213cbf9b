use keyfob_store::{
    Changed, Event, EventQuery, FeedCursor, FeedPosition, FoundKey, Hour, KeyId, KeyQuery,
    KeyRecord, KeyStore, PageSize, UsageGrain, UsageQuery, UsageRow,
};

use super::operation::{Operation, hashes, organization};
use crate::sample::now;

/// All that a store tells of a lane.
#[derive(Debug, PartialEq)]
pub(crate) struct Snapshot {
    keys: Vec<KeyRecord>,
    in_use: u64,
    found: Vec<Option<FoundKey>>,
    events: Vec<Event>,
    feed: Vec<Changed>,
    usage: Vec<UsageRow>,
}

impl Snapshot {
    /// As the operations before this one have left it, and perhaps this one.
    pub(crate) async fn of(store: &impl KeyStore, seed: u64, lane: u8, next: u64) -> Self {
        let organization = organization(lane);
        let usage = UsageQuery {
            from: Hour::from_number(0),
            to: Hour::from_number(i64::MAX),
            key: None,
            grain: UsageGrain::Hour,
        };
        Self {
            keys: keys(store, lane).await,
            in_use: store.keys_in_use(&organization, now()).await.unwrap(),
            found: store.find(&hashes(seed, lane, next)).await.unwrap().all().unwrap(),
            events: events(store, lane).await,
            feed: feed(store, seed, lane, next).await,
            usage: store.usage(&organization, usage).await.unwrap(),
        }
    }
}

async fn keys(store: &impl KeyStore, lane: u8) -> Vec<KeyRecord> {
    let (mut keys, mut query) = (Vec::new(), KeyQuery::new(PageSize::MAX));
    loop {
        let page = store.list(&organization(lane), query.clone(), now()).await.unwrap();
        keys.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            return keys;
        }
    }
}

/// Without their positions, which count the events of other lanes too.
async fn events(store: &impl KeyStore, lane: u8) -> Vec<Event> {
    let (mut events, mut query) = (Vec::new(), EventQuery::new(PageSize::MAX));
    loop {
        let page = store.events(&organization(lane), query.clone()).await.unwrap();
        let position = FeedPosition::START;
        events.extend(page.items.into_iter().map(|event| Event { position, ..event }));
        query.after = page.next;
        if query.after.is_none() {
            return events;
        }
    }
}

/// What the feed tells of the lane, from the start.
async fn feed(store: &impl KeyStore, seed: u64, lane: u8, next: u64) -> Vec<Changed> {
    let own: Vec<KeyId> =
        (0..=next).flat_map(|number| Operation::new(seed, lane, number).ids()).collect();
    let told = store.changes(FeedCursor::START, 10_000).await.unwrap();
    assert!(told.complete);
    assert!(told.changes.is_sorted_by(|one, two| one.position < two.position));
    let changed = told.changes.into_iter().map(|change| change.changed);
    changed
        .filter_map(|changed| match changed {
            Changed::Key { key, mut hashes } if own.contains(&key) => {
                hashes.sort_unstable_by_key(|hash| *hash.as_bytes());
                Some(Changed::Key { key, hashes })
            }
            Changed::Key { .. } => None,
            Changed::Organization(deleted) => {
                (deleted == organization(lane)).then_some(Changed::Organization(deleted))
            }
        })
        .collect()
}
