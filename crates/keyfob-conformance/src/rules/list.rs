//! Contract 5: lists are stable, newest first.

use keyfob_store::{
    DynStore, Environment, KeyId, KeyQuery, KeyRecord, KeyStatus, KeyStore, NewKey, OrganizationId,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, same};
use crate::footprint::every_key;
use crate::sample::{at, by, just_before, keys, keys_that_are, organization};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 5:
    keys_are_listed_newest_first,
    pages_join_without_gap_or_overlap,
    last_page_leads_nowhere,
    list_is_filtered_by_status_and_environment,
    status_is_judged_at_the_given_time,
    filtered_pages_join_without_gap_or_overlap,
    cursor_need_not_be_a_key,
];

async fn keys_are_listed_newest_first(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut expected = Vec::new();
    // Stored in another order than they were made: what counts is when they were made.
    for seconds in [3, 1, 4, 1, 5, 9, 2, 6] {
        expected.push(stage.stored(&store, &acme, seconds).await?.value);
    }
    expected.sort_by_key(|key| std::cmp::Reverse(key.id));
    let listed = store.list(&acme, keys(200), at(10)).await?;
    same("the keys", listed.items, expected)?;
    same("the next page of a whole list", listed.next, None)
}

async fn pages_join_without_gap_or_overlap(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut expected = ids_of(stage, &store, &acme, 0..13).await?;
    expected.reverse();
    for size in [1, 2, 5, 12, 13, 14, 200] {
        let listed = every_key(&store, &acme, keys(size), at(20)).await?;
        same(format!("the keys, in pages of {size}"), ids(&listed), expected.clone())?;
    }
    Ok(())
}

async fn last_page_leads_nowhere(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let empty = store.list(&acme, keys(5), at(0)).await?;
    same("the page of an empty list", (empty.items, empty.next), (vec![], None))?;
    for seconds in 0..10 {
        stage.stored(&store, &acme, seconds).await?;
    }
    let first = store.list(&acme, keys(5), at(10)).await?;
    same("where the first of two pages ends", first.next, first.items.last().map(|key| key.id))?;
    let second = store.list(&acme, KeyQuery { after: first.next, ..keys(5) }, at(10)).await?;
    same("keys on the second page, which is full", second.items.len(), 5)?;
    same("what comes after it", second.next, None)
}

/// One key for each status that there is, for each environment; disabled keys come later.
async fn one_of_each(
    stage: &Stage,
    store: &DynStore,
    owner: &OrganizationId,
) -> Result<Vec<KeyRecord>, Failure> {
    for environment in Environment::ALL {
        for (expires_at, revoke) in
            [(None, false), (None, true), (Some(at(50)), false), (Some(at(50)), true)]
        {
            let key = NewKey { environment, expires_at, ..stage.key(owner, 0) };
            let id = stage.stored_as(store, key, 0).await?.value.id;
            if revoke {
                store.revoke(owner, id, None, by("user:1", 1)).await?;
            }
        }
    }
    every_key(store, owner, keys(200), at(100)).await
}

async fn list_is_filtered_by_status_and_environment(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let every = one_of_each(stage, &store, &acme).await?;
    same("keys in all", every.len(), 8)?;
    for status in KeyStatus::ALL.map(Some).into_iter().chain([None]) {
        for environment in Environment::ALL.map(Some).into_iter().chain([None]) {
            let expected = every.iter().filter(|key| {
                status.is_none_or(|status| key.status(at(100)) == status)
                    && environment.is_none_or(|environment| key.environment == environment)
            });
            let query = keys_that_are(200, status, environment);
            let listed = every_key(&store, &acme, query, at(100)).await?;
            let what = format!("keys of status {status:?} and environment {environment:?}");
            same(what, ids(&listed), expected.map(|key| key.id).collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

async fn status_is_judged_at_the_given_time(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = NewKey { expires_at: Some(at(50)), ..stage.key(&acme, 0) };
    stage.stored_as(&store, key, 0).await?;
    for (time, status) in [
        (just_before(at(50)), KeyStatus::Active),
        (at(50), KeyStatus::Expired),
        (at(51), KeyStatus::Expired),
    ] {
        for asked in [KeyStatus::Active, KeyStatus::Expired] {
            let query = keys_that_are(200, Some(asked), None);
            let listed = every_key(&store, &acme, query, time).await?.len();
            let what = format!("{} keys at {time:?}", asked.as_str());
            same(what, listed, usize::from(asked == status))?;
        }
        let in_use = store.keys_in_use(&acme, time).await?;
        same(format!("keys in use at {time:?}"), in_use, u64::from(status.holds_slot()))?;
    }
    Ok(())
}

async fn filtered_pages_join_without_gap_or_overlap(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut expected = Vec::new();
    for seconds in 0..24 {
        let environment = Environment::ALL[usize::from(seconds % 3 == 0)];
        let key = NewKey { environment, ..stage.key(&acme, seconds) };
        let id = stage.stored_as(&store, key, seconds).await?.value.id;
        if seconds % 4 == 0 {
            store.revoke(&acme, id, None, by("user:1", 30)).await?;
        } else if environment == Environment::Live {
            expected.insert(0, id);
        }
    }
    for size in [1, 2, 3, 200] {
        let query = keys_that_are(size, Some(KeyStatus::Active), Some(Environment::Live));
        let listed = every_key(&store, &acme, query, at(30)).await?;
        same(format!("active live keys, in pages of {size}"), ids(&listed), expected.clone())?;
    }
    Ok(())
}

async fn cursor_need_not_be_a_key(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let older = stage.stored(&store, &acme, 0).await?.value.id;
    let never_stored = stage.key(&acme, 1).id;
    let newer = stage.stored(&store, &acme, 2).await?.value.id;
    for (what, after, expected) in [
        ("after a key that never was", never_stored, vec![older]),
        ("after the greatest id", KeyId::from_bytes([0xff; 16]), vec![newer, older]),
        ("after the least id", KeyId::from_bytes([0; 16]), vec![]),
    ] {
        let query = KeyQuery { after: Some(after), ..keys(200) };
        same(what, ids(&every_key(&store, &acme, query, at(3)).await?), expected)?;
    }
    Ok(())
}

/// Stores keys that are made one after the other, and gives their ids, oldest first.
pub(super) async fn ids_of(
    stage: &Stage,
    store: &DynStore,
    owner: &OrganizationId,
    seconds: std::ops::Range<i64>,
) -> Result<Vec<KeyId>, Failure> {
    let mut made = Vec::new();
    for seconds in seconds {
        made.push(stage.stored(store, owner, seconds).await?.value.id);
    }
    Ok(made)
}

pub(super) fn ids(keys: &[KeyRecord]) -> Vec<KeyId> {
    keys.iter().map(|key| key.id).collect()
}
