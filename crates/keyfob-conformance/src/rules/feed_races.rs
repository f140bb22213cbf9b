//! Contract 7, however transactions interleave: the feed skips nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyfob_store::{
    Change, DynStore, FeedPosition, KeyId, KeyLimit, KeyStore, NewKey, OrganizationId,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, created, same};
use crate::follower::{Follower, key_of};
use crate::sample::{by, custom_event, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 7:
    follower_misses_nothing_under_concurrent_writers,
    commit_is_told_no_later_than_its_position,
];

const WRITERS: usize = 16;

async fn follower_misses_nothing_under_concurrent_writers(stage: &Stage) -> Outcome {
    let Race { store, told, written } = Race::run(stage).await?;
    for (key, [inserted, revoked]) in &written {
        let told = told.positions_of(*key);
        let what = format!(
            "how often the feed told of {key}, which committed at {inserted} and {revoked}"
        );
        same(what, told.len(), 2)?;
    }
    same("how many changes were told", told.seen.len(), 2 * written.len())?;

    // Nothing has appeared behind the follower: reading anew tells the same.
    let mut again = Follower::from_start(&store);
    again.read_on().await?;
    same("the feed, read anew", positions(&again.seen), positions(&told.seen))
}

async fn commit_is_told_no_later_than_its_position(stage: &Stage) -> Outcome {
    let Race { told, written, .. } = Race::run(stage).await?;
    for (key, committed) in written {
        let positions = told.positions_of(key);
        same(format!("how often the feed told of {key}"), positions.len(), committed.len())?;
        for (told, committed) in positions.into_iter().zip(committed) {
            if told > committed {
                let expected = format!("a position up to {committed}, its commit's");
                return Err(Failure::new("a change of the feed", expected, told.to_string()));
            }
        }
    }
    Ok(())
}

fn positions(changes: &[Change]) -> Vec<(FeedPosition, Option<KeyId>)> {
    changes.iter().map(|change| (change.position, key_of(change))).collect()
}

/// Many writers, each inserting and revoking, while one follower reads all the time.
struct Race {
    store: DynStore,
    told: Follower,
    /// For each key, where its insertion and its revocation were committed.
    written: Vec<(KeyId, [FeedPosition; 2])>,
}

impl Race {
    async fn run(stage: &Stage) -> Result<Self, Failure> {
        let stores = stage.open_two().await?;
        let store = stage.open().await?;
        let done = Arc::new(AtomicBool::new(false));
        let follower = tokio::spawn(follow_until(Follower::from_start(&store), done.clone()));
        let results = together((0..WRITERS).map(|writer| {
            let owner = organization(&format!("writer-{}", writer % 3));
            let keys = (0..8).map(|_| stage.key(&owner, 0)).collect();
            write(stores[writer % 2].clone(), owner, keys)
        }))
        .await;
        done.store(true, Ordering::Release);
        let mut written = Vec::new();
        for result in results {
            written.extend(result?);
        }
        let mut told = follower.await.expect("the follower does not panic")?;
        told.read_on().await?;
        Ok(Self { store, told, written })
    }
}

async fn follow_until(mut follower: Follower, done: Arc<AtomicBool>) -> Result<Follower, Failure> {
    // Short reads stop amid what was written together, and long ones come to where it is written.
    for limit in [1, 5, 1_000].into_iter().cycle() {
        if done.load(Ordering::Acquire) {
            break;
        }
        follower.step(limit).await?;
        tokio::task::yield_now().await;
    }
    Ok(follower)
}

async fn write(
    store: DynStore,
    owner: OrganizationId,
    keys: Vec<NewKey>,
) -> Result<Vec<(KeyId, [FeedPosition; 2])>, Failure> {
    let mut written = Vec::new();
    for key in keys {
        let made = created(store.insert(key, KeyLimit::Unlimited, by("user:1", 0)).await)?;
        store.append_event(custom_event(&owner, "plan.changed"), by("user:1", 0)).await?;
        let revoked = store.revoke(&owner, made.value.id, None, by("user:1", 1)).await?;
        written.push((made.value.id, [made.position, revoked.position]));
    }
    Ok(written)
}
