//! Contract 9: what was answered stays, and what was not is never half there.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use keyfob_store::{
    DynStore, EventQuery, KeyId, KeyLimit, KeyStatus, KeyStore, NewKey, OrganizationId, StoreError,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, holds, replayed, same};
use crate::follower::Follower;
use crate::footprint::{Footprint, every_key};
use crate::sample::{
    all_usage, at, by, count, custom_event, events, idempotency, keys_that_are, organization,
    reason, rotation,
};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 9:
    everything_outlives_the_handle,
    feed_goes_on_after_reopening,
    tokens_outlive_the_handle,
    dropped_insertion_is_whole_or_absent,
    dropped_revocation_is_whole_or_absent,
    dropped_rotation_is_whole_or_absent,
    dropped_import_is_whole_or_absent,
    dropped_usage_counts_once_in_the_end,
];

async fn everything_outlives_the_handle(stage: &Stage) -> Outcome {
    let acme = organization("acme");
    let store = stage.open().await?;
    let revoked = stage.stored(&store, &acme, 0).await?.value;
    let active = stage.stored(&store, &acme, 1).await?.value;
    store.revoke(&acme, revoked.id, reason("leaked"), by("user:1", 2)).await?;
    store.append_event(custom_event(&acme, "plan.changed"), by("user:1", 3)).await?;
    let before = Footprint::of(&store, &[&acme]).await?;
    drop(store);

    let store = stage.open().await?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)?;
    same("the key", store.get(&acme, active.id).await?, active)
}

async fn feed_goes_on_after_reopening(stage: &Stage) -> Outcome {
    let acme = organization("acme");
    let store = stage.open().await?;
    stage.stored(&store, &acme, 0).await?;
    let mut follower = Follower::from_start(&store);
    follower.read_on().await?;
    let reached = follower.reached;
    drop((store, follower));

    let store = stage.open().await?;
    let made = stage.stored(&store, &acme, 1).await?;
    holds("a later commit has a later position", made.position > reached.position())?;
    let mut follower = Follower::from(&store, reached);
    follower.read_on().await?;
    follower.saw("changes since then", &[made.value.id])
}

async fn tokens_outlive_the_handle(stage: &Stage) -> Outcome {
    let acme = organization("acme");
    let attempt = || NewKey { idempotency: idempotency("token", 1, 100), ..stage.key(&acme, 0) };
    let store = stage.open().await?;
    let first = stage.stored_as(&store, attempt(), 0).await?.value;
    drop(store);

    let store = stage.open().await?;
    let again = store.insert(attempt(), KeyLimit::AtMost(1), by("user:1", 1)).await;
    same("the key that the token made", replayed(again)?, first)
}

/// A future is dropped after so many polls, from none to enough.
const POLLS: std::ops::Range<usize> = 0..24;

async fn dropped_insertion_is_whole_or_absent(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for polls in POLLS {
        let key = stage.key(&acme, 0);
        made.push(key.id);
        drop(poll_at_most(store.insert(key, KeyLimit::Unlimited, by("user:1", 0)), polls).await);
    }
    for key in made {
        is_whole(&other, &acme, key).await?;
    }
    let live = || keys_that_are(200, Some(KeyStatus::Active), None);
    let before = every_key(&other, &acme, live(), at(0)).await?.len() as u64;
    let in_use = other.keys_in_use(&acme, at(0)).await?;
    let after = every_key(&other, &acme, live(), at(0)).await?.len() as u64;
    holds("the keys that are counted are those that are there", before <= in_use && in_use <= after)
}

async fn dropped_revocation_is_whole_or_absent(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for polls in POLLS {
        let key = stage.stored(&store, &acme, 0).await?.value.id;
        made.push(key);
        drop(poll_at_most(store.revoke(&acme, key, None, by("user:1", 1)), polls).await);
    }
    for key in made {
        is_whole(&other, &acme, key).await?;
    }
    Ok(())
}

async fn dropped_rotation_is_whole_or_absent(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for polls in POLLS {
        let key = stage.stored(&store, &acme, 0).await?.value.id;
        let turn = rotation(stage.secret(), 100);
        made.push((key, turn.secret.hash));
        drop(poll_at_most(store.rotate(&acme, key, turn, by("user:1", 1)), polls).await);
    }
    for (key, hash) in made {
        is_whole(&other, &acme, key).await?;
        let found = other.find(&[hash]).await?.all()?.pop().flatten();
        let newest = other.get(&acme, key).await?.secrets[0].generation;
        let is_known = found.is_none_or(|found| found.id == key && found.secret == newest);
        holds("a new secret that is found is on its key", is_known)?;
    }
    Ok(())
}

async fn dropped_import_is_whole_or_absent(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let mut made = Vec::new();
    for polls in POLLS {
        let given: Vec<NewKey> = (0..3).map(|_| stage.key(&acme, 0)).collect();
        made.push(given.iter().map(|key| key.id).collect::<Vec<_>>());
        let import = store.import(given, KeyLimit::Unlimited, by("user:1", 1));
        drop(poll_at_most(import, polls).await);
    }
    for keys in made {
        for key in &keys {
            is_whole(&other, &acme, *key).await?;
        }
        // If the import is under way still, the later reads see no less than the first.
        let first = other.get(&acme, keys[0]).await.is_ok();
        let rest =
            [other.get(&acme, keys[1]).await.is_ok(), other.get(&acme, keys[2]).await.is_ok()];
        let last = other.get(&acme, keys[0]).await.is_ok();
        let whole = if first { rest == [true; 2] } else { last || rest == [false; 2] };
        holds("the keys of a dropped import are all there, or none", whole)?;
    }
    Ok(())
}

async fn dropped_usage_counts_once_in_the_end(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    for polls in POLLS {
        let batch = stage.batch(vec![count(&key, 0, 1), count(&key, 1, 1)]);
        drop(poll_at_most(store.record_usage(&batch), polls).await);
        // Whether it was counted or not, it is sent again, as whoever got no answer does.
        other.record_usage(&batch).await?;
    }
    let rows = other.usage(&acme, all_usage()).await?;
    let counts: Vec<_> = rows.into_iter().map(|row| row.count).collect();
    same("the usage", counts, vec![POLLS.len() as u64; 2])
}

/// Polls a future so many times, and drops it when it has not ended by then.
async fn poll_at_most<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Asks that a key has as many events, and as many steps in the feed, as changes. The write may
/// be under way still, so each is read in an order that later writes can't mislead.
async fn is_whole(store: &DynStore, owner: &OrganizationId, key: KeyId) -> Outcome {
    let query = || EventQuery { key: Some(key), ..events(200) };
    let before = store.events(owner, query()).await?.items.len();
    let changes = match store.get(owner, key).await {
        Err(StoreError::NotFound) => 0,
        key => {
            let key = key?;
            let rotations = key.secrets.first().map_or(0, |newest| newest.generation - 1);
            1 + usize::from(key.status(at(2)) == KeyStatus::Revoked)
                + usize::try_from(rotations).unwrap_or(usize::MAX)
        }
    };
    let after = store.events(owner, query()).await?.items.len();
    let mut follower = Follower::from_start(store);
    follower.read_on().await?;
    let told = follower.positions_of(key).len();

    if before > changes || changes > after || told < changes {
        let expected = format!("as many events and steps of the feed as changes ({changes})");
        let seen = format!("{before} to {after} events, {told} steps");
        return Err(Failure::new("a write whose future was dropped", expected, seen));
    }
    Ok(())
}
