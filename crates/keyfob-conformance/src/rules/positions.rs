//! Contract 8: a position is honest.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyfob_store::{DynStore, FeedPosition, FoundState, KeyHash, KeyLimit, KeyStore, NewKey};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, holds, same};
use crate::follower::{Follower, Patience, key_of};
use crate::sample::{by, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 8:
    committed_position_covers_its_change,
    later_revocation_has_a_position_that_covers_the_first,
    lookup_catches_up_with_what_was_committed,
    end_of_the_feed_covers_what_was_committed,
    position_of_a_lookup_is_honest_under_concurrent_writers,
    end_of_the_feed_is_honest_under_concurrent_writers,
];

async fn committed_position_covers_its_change(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let made = stage.stored(&store, &acme, 0).await?;
    let revoked = store.revoke(&acme, made.value.id, None, by("user:1", 1)).await?;
    holds("a later commit has a later position", made.position < revoked.position)?;
    for store in [&store, &other] {
        let mut follower = Follower::from_start(store);
        follower.through(made.position).await?;
        holds("the feed up to the commit tells of it", !follower.seen.is_empty())?;
        let follower = Follower::after(store, made.position).await?;
        follower.saw("changes after the insertion's position", &[made.value.id])?;
        let follower = Follower::after(store, revoked.position).await?;
        follower.saw("changes after the revocation's position", &[])?;
    }
    Ok(())
}

async fn later_revocation_has_a_position_that_covers_the_first(stage: &Stage) -> Outcome {
    // Whoever revokes waits until its own follower is that far; the key must be forgotten then.
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    store.revoke(&acme, key, None, by("user:1", 1)).await?;
    let again = store.revoke(&acme, key, None, by("user:1", 2)).await?;
    let follower = Follower::after(&store, again.position).await?;
    follower.saw("changes after the position of a repeated revocation", &[])
}

async fn lookup_catches_up_with_what_was_committed(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let made = stage.stored(&store, &organization("acme"), 0).await?;
    for store in [&store, &other] {
        let mut patience = Patience::new("a lookup's position comes to what was committed");
        while store.find(&[]).await?.position < made.position {
            patience.pause().await?;
        }
    }
    Ok(())
}

async fn end_of_the_feed_covers_what_was_committed(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let mut last = store.position().await?;
    for seconds in 0..3 {
        let made = stage.stored(&store, &acme, seconds).await?;
        let mut patience = Patience::new("the feed's end comes to what was committed");
        while other.position().await?.position() < made.position {
            patience.pause().await?;
        }
        let end = store.position().await?;
        holds("the end of the feed moves on", end.position() > last.position())?;
        last = end;
        let mut follower = Follower::from(&other, last);
        follower.read_on().await?;
        follower.saw("changes after the end", &[])?;
    }
    Ok(())
}

async fn position_of_a_lookup_is_honest_under_concurrent_writers(stage: &Stage) -> Outcome {
    observe(stage, async |store, hashes| {
        let found = store.find(hashes).await?;
        same("answers", found.keys.len(), hashes.len())?;
        let position = found.position;
        let states = found.all()?.into_iter().map(|key| key.map(|key| key.state)).collect();
        Ok(Observation { position, states })
    })
    .await
}

async fn end_of_the_feed_is_honest_under_concurrent_writers(stage: &Stage) -> Outcome {
    observe(stage, async |store, hashes| {
        // All that is told at the end of the feed was committed before, so a later lookup sees it.
        let position = store.position().await?.position();
        let found = store.find(hashes).await?;
        let states = found.all()?.into_iter().map(|key| key.map(|key| key.state)).collect();
        Ok(Observation { position, states })
    })
    .await
}

/// What was seen of every key by someone who was told that it is as new as a position.
struct Observation {
    position: FeedPosition,
    states: Vec<Option<FoundState>>,
}

/// Looks while keys are inserted and revoked, and holds what was seen against the feed, which
/// tells at which positions they were.
async fn observe<Look>(stage: &Stage, look: Look) -> Outcome
where
    Look: AsyncFn(&DynStore, &[KeyHash]) -> Result<Observation, Failure>,
{
    const ENOUGH: usize = 400;
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let keys: Vec<NewKey> = (0..48).map(|_| stage.key(&acme, 0)).collect();
    let hashes: Vec<KeyHash> = keys.iter().map(|key| key.secret.hash).collect();

    let done = Arc::new(AtomicBool::new(false));
    let writers = keys.chunks(6).map(|mine| {
        let (store, acme, mine) = (store.clone(), acme.clone(), mine.to_vec());
        async move {
            for key in mine {
                let id = key.id;
                store.insert(key, KeyLimit::Unlimited, by("user:1", 0)).await?;
                tokio::task::yield_now().await;
                store.revoke(&acme, id, None, by("user:1", 1)).await?;
                tokio::task::yield_now().await;
            }
            Ok::<_, Failure>(())
        }
    });
    let writers: Vec<_> = writers.collect();
    let writing = tokio::spawn({
        let done = done.clone();
        async move {
            let written = together(writers).await;
            done.store(true, Ordering::Release);
            written.into_iter().collect::<Outcome>()
        }
    });
    let mut observations = Vec::new();
    while !done.load(Ordering::Acquire) && observations.len() < ENOUGH {
        observations.push(look(&other, &hashes).await?);
        tokio::task::yield_now().await;
    }
    writing.await.expect("the writers do not panic")?;

    let mut follower = Follower::from_start(&store);
    follower.read_on().await?;
    let mut told = HashMap::new();
    for change in &follower.seen {
        told.entry(key_of(change)).or_insert_with(Vec::new).push(change.position);
    }
    for Observation { position, states } in observations {
        for (key, state) in keys.iter().zip(states) {
            let told = told.get(&Some(key.id)).map_or(&[][..], Vec::as_slice);
            let covered = told.iter().filter(|told| **told <= position).count();
            let seen = match state {
                None => 0,
                Some(FoundState::Revoked) => 2,
                Some(_) => 1,
            };
            let what = format!(
                "{seen} changes of a key were seen by a read at {position}, which covers {covered}"
            );
            holds(what, seen >= covered)?;
        }
    }
    Ok(())
}
