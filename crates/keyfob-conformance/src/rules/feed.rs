//! Contract 7, as one caller sees it: the feed tells each change, and where it ends.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use keyfob_store::{Changed, FeedCursor, FeedPosition, KeyStore, StoreError};

use crate::check::{Check, checks};
use crate::failure::{Outcome, holds, refused, same};
use crate::follower::{Follower, Patience};
use crate::sample::{by, custom_event, organization};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 7:
    feed_of_an_empty_store_is_empty_and_complete,
    each_change_is_told_once_with_its_hashes,
    feed_covers_every_organization,
    custom_events_are_not_told,
    limit_is_kept_and_leaves_nothing_out,
    feed_goes_on_where_it_was_left,
    complete_means_that_nothing_is_beyond,
    unknown_position_is_lost,
    cursor_with_the_mark_of_another_event_is_lost,
    waiting_can_be_dropped,
];

async fn feed_of_an_empty_store_is_empty_and_complete(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let mut follower = Follower::from(&store, store.position().await?);
    follower.read_on().await?;
    follower.saw("changes from the end of an empty feed", &[])?;
    let mut follower = Follower::from_start(&store);
    follower.read_on().await?;
    follower.saw("changes from the start of an empty feed", &[])
}

async fn each_change_is_told_once_with_its_hashes(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let first = stage.stored(&store, &acme, 0).await?.value;
    let second = stage.stored(&store, &acme, 1).await?.value;
    store.revoke(&acme, first.id, None, by("user:1", 2)).await?;
    let third = stage.stored(&store, &acme, 3).await?.value;

    let mut follower = Follower::from_start(&store);
    follower.read_on().await?;
    follower.saw("the keys that changed", &[first.id, second.id, first.id, third.id])?;
    for (change, key) in follower.seen.iter().zip([&first, &second, &first, &third]) {
        let expected = Changed::Key { key: key.id, hashes: vec![key.secrets[0].hash] };
        same("the key and the hashes to forget", &change.changed, &expected)?;
    }
    Ok(())
}

async fn feed_covers_every_organization(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let mut made = Vec::new();
    for owner in ["acme", "globex", "initech"].map(organization) {
        made.push(stage.stored(&store, &owner, 0).await?.value.id);
    }
    let mut follower = Follower::from_start(&store);
    follower.read_on().await?;
    follower.saw("the keys of three organizations", &made)
}

async fn custom_events_are_not_told(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for seconds in 0..3 {
        store.append_event(custom_event(&acme, "plan.changed"), by("user:1", seconds)).await?;
        made.push(stage.stored(&store, &acme, seconds).await?.value.id);
        store.append_event(custom_event(&acme, "plan.changed"), by("user:1", seconds)).await?;
    }
    let mut follower = Follower::from_start(&store);
    follower.read_on().await?;
    follower.saw("changes among custom events", &made)
}

async fn limit_is_kept_and_leaves_nothing_out(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for seconds in 0..7 {
        made.push(stage.stored(&store, &acme, seconds).await?.value.id);
        store.append_event(custom_event(&acme, "plan.changed"), by("user:1", seconds)).await?;
    }
    let end = store.position().await?;
    for limit in [1, 2, 3, 7, 8, usize::MAX] {
        let mut patience = Patience::new("a follower with a small limit comes to the end");
        let mut follower = Follower::from_start(&store);
        while !follower.step(limit).await? || follower.reached.position() < end.position() {
            patience.pause().await?;
        }
        follower.saw(&format!("changes, at most {limit} a read"), &made)?;
    }
    let mut follower = Follower::from_start(&store);
    follower.step(0).await?;
    follower.read_on().await?;
    follower.saw("changes after a read of none", &made)
}

async fn feed_goes_on_where_it_was_left(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let mut follower = Follower::from_start(&other);
    follower.read_on().await?;

    let second = stage.stored(&store, &acme, 1).await?.value.id;
    let mut latecomer = Follower::from(&store, follower.reached);
    latecomer.read_on().await?;
    latecomer.saw("what came after the position, by another handle", &[second])?;
    follower.seen.clear();
    follower.read_on().await?;
    follower.saw("what came after the position", &[second])?;
    follower.seen.clear();
    follower.read_on().await?;
    follower.saw("what came after the end", &[])
}

async fn complete_means_that_nothing_is_beyond(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut last = FeedPosition::START;
    for seconds in 0..4 {
        last = stage.stored(&store, &acme, seconds).await?.position;
    }
    for limit in 1..=5 {
        let mut patience = Patience::new("a feed that is not complete goes farther");
        let mut follower = Follower::from_start(&store);
        while !follower.step(limit).await? {
            patience.pause().await?;
        }
        same(format!("changes until a read of {limit} is complete"), follower.seen.len(), 4)?;
        holds("the end is no earlier than the last commit", follower.reached.position() >= last)?;
        let told = store.changes(FeedCursor::START, 3).await?;
        holds("a read that stops short is not complete", !told.complete)?;
    }
    Ok(())
}

async fn unknown_position_is_lost(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    for _ in 0..2 {
        let end = store.position().await?;
        let far_beyond = end.position().get() + (1 << 40);
        for position in [far_beyond, i64::MAX as u64, 1 << 63, u64::MAX] {
            let cursor = FeedCursor::new(FeedPosition::new(position), end.mark());
            let told = store.changes(cursor, 10).await;
            let what = format!("reading on from {position}, which never was");
            refused(what, &told, &StoreError::FeedLost)?;
        }
        stage.stored(&store, &organization("acme"), 0).await?;
    }
    Ok(())
}

/// After a failover that lost commits, a position is there again and belongs to another event. The
/// mark is how a reader learns of that, so a store compares it at each read, and forgets it after.
async fn cursor_with_the_mark_of_another_event_is_lost(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let mut cursors = vec![store.position().await?];
    for seconds in 0..4 {
        if seconds % 2 == 0 {
            stage.stored(&store, &acme, seconds).await?;
        } else {
            store.append_event(custom_event(&acme, "plan.changed"), by("user:1", seconds)).await?;
        }
        let mut follower = Follower::from_start(&store);
        follower.read_on().await?;
        same("the end, as a follower gets there", follower.reached, store.position().await?)?;
        cursors.push(follower.reached);
    }
    for here in &cursors {
        for there in cursors.iter().filter(|there| *there != here) {
            let cursor = FeedCursor::new(here.position(), there.mark());
            for store in [&store, &other, &store] {
                // Other readers come between, each with a cursor of its own.
                store.position().await?;
                store.changes(*here, 10).await?;
                let read = store.changes(cursor, 10).await;
                let what = format!("reading on from {}, by another event's mark", here.position());
                refused(what, &read, &StoreError::FeedLost)?;
            }
        }
    }
    Ok(())
}

/// `wait` is a hint that may come at any time or never, so there is nothing to ask of it but that
/// it can be given up at any point, and leaves the store as it was.
async fn waiting_can_be_dropped(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for seconds in 0..3 {
        let end = stage.stored(&store, &acme, seconds).await?.position;
        for after in [FeedPosition::START, end, FeedPosition::new(u64::MAX)] {
            drop(store.wait(after));
            let mut waiting = pin!(store.wait(after));
            let _ = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        let (woken, after) = (store.clone(), end);
        let waiting = tokio::spawn(async move { woken.wait(after).await });
        tokio::task::yield_now().await;
        stage.stored(&store, &acme, seconds).await?;
        waiting.abort();
        let ended = waiting.await;
        holds("waiting does not panic", ended.err().is_none_or(|error| error.is_cancelled()))?;
    }
    let mut follower = Follower::from_start(&store);
    follower.read_on().await?;
    same("changes that the feed tells after all that", follower.seen.len(), 6)
}
