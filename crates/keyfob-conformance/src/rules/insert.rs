//! Contract 1: what an insertion stores, and how the limit is counted by a single caller.

use keyfob_store::{Environment, KeyLimit, KeyStore, StoreError};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, created, refused, same};
use crate::footprint::{Footprint, every_key};
use crate::sample::{at, by, just_before, keys, organization, reason};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 1:
    created_key_is_the_one_that_was_asked_for,
    limit_of_zero_allows_none,
    limit_allows_exactly_so_many,
    refusal_at_the_limit_writes_nothing,
    largest_limits_are_no_hindrance,
    unlimited_organization_goes_beyond_every_limit,
    expired_key_frees_its_slot,
    revoked_key_frees_its_slot,
    limit_is_of_one_organization,
];

async fn created_key_is_the_one_that_was_asked_for(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for (seconds, environment, expires_at) in
        [(0, Environment::Live, None), (1, Environment::Test, Some(at(100)))]
    {
        let mut key = stage.key(&acme, seconds);
        key.environment = environment;
        key.expires_at = expires_at;
        let hash = key.secret.hash;
        let by = by("user:1", seconds);
        let expected = key.clone().into_record(&by);

        let made = created(store.insert(key, KeyLimit::AtMost(5), by).await)?.value;
        same("what the insertion answers", &made, &expected)?;
        same("what `get` reads", &store.get(&acme, expected.id).await?, &expected)?;
        let listed = every_key(&store, &acme, keys(1), at(2)).await?;
        same("the newest key of the list", listed.first(), Some(&expected))?;
        let found = store.find(&[hash]).await?.all()?;
        same("what `find` finds", found, vec![expected.found_by(&hash)])?;
    }
    Ok(())
}

async fn limit_of_zero_allows_none(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let key = stage.key(&organization("acme"), 0);
    let limit = KeyLimit::AtMost(0);
    let refusal = store.insert(key, limit, by("user:1", 0)).await;
    refused("a key where none is allowed", &refusal, &StoreError::LimitReached { limit })
}

async fn limit_allows_exactly_so_many(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    for most in 1..=4 {
        let owner = organization(&format!("allows-{most}"));
        let insert = |limit| store.insert(stage.key(&owner, 0), limit, by("user:1", 0));
        let limit = KeyLimit::AtMost(most);
        for _ in 0..most {
            created(insert(limit).await)?;
        }
        let refusal = insert(limit).await;
        let what = format!("one key more than the limit of {most}");
        refused(what, &refusal, &StoreError::LimitReached { limit })?;
        same("the keys in use", store.keys_in_use(&owner, at(0)).await?, most)?;

        let lowered = KeyLimit::AtMost(most - 1);
        let refusal = insert(lowered).await;
        let expected = StoreError::LimitReached { limit: lowered };
        refused("a key when the limit was lowered below what is in use", &refusal, &expected)?;
        created(insert(KeyLimit::AtMost(most + 1)).await)?;
    }
    Ok(())
}

async fn refusal_at_the_limit_writes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let before = Footprint::of(&store, &[&acme]).await?;

    let key = stage.key(&acme, 1);
    let (id, hash) = (key.id, key.secret.hash);
    let limit = KeyLimit::AtMost(1);
    let refusal = store.insert(key, limit, by("user:1", 1)).await;
    refused("a second key of one", &refusal, &StoreError::LimitReached { limit })?;

    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)?;
    refused("reading it", &store.get(&acme, id).await, &StoreError::NotFound)?;
    same("what its hash finds", store.find(&[hash]).await?.all()?, vec![None])
}

async fn largest_limits_are_no_hindrance(stage: &Stage) -> Outcome {
    // 2^63 and more do not fit the signed integers that most databases count in.
    let store = stage.open().await?;
    let acme = organization("acme");
    for limit in [i64::MAX as u64, 1 << 63, u64::MAX] {
        let limit = KeyLimit::AtMost(limit);
        created(store.insert(stage.key(&acme, 0), limit, by("user:1", 0)).await)?;
    }
    same("the keys in use", store.keys_in_use(&acme, at(0)).await?, 3)
}

async fn unlimited_organization_goes_beyond_every_limit(stage: &Stage) -> Outcome {
    const MANY: u64 = 60;
    let store = stage.open().await?;
    let acme = organization("acme");
    for _ in 0..MANY {
        stage.stored(&store, &acme, 0).await?;
    }
    same("the keys in use", store.keys_in_use(&acme, at(0)).await?, MANY)?;
    let limit = KeyLimit::AtMost(MANY);
    let refusal = store.insert(stage.key(&acme, 0), limit, by("user:1", 0)).await;
    refused("a key when the plan has become smaller", &refusal, &StoreError::LimitReached { limit })
}

async fn expired_key_frees_its_slot(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut key = stage.key(&acme, 0);
    key.expires_at = Some(at(10));
    stage.stored_as(&store, key, 0).await?;

    let limit = KeyLimit::AtMost(1);
    let insert_at = |time| {
        let mut by = by("user:1", 10);
        by.at = time;
        store.insert(stage.key(&acme, 10), limit, by)
    };
    same("in use before the expiry", store.keys_in_use(&acme, just_before(at(10))).await?, 1)?;
    let refusal = insert_at(just_before(at(10))).await;
    refused("a key before the expiry", &refusal, &StoreError::LimitReached { limit })?;
    same("in use at the expiry", store.keys_in_use(&acme, at(10)).await?, 0)?;
    created(insert_at(at(10)).await)?;
    let refusal = insert_at(at(11)).await;
    refused("a key more than the slot", &refusal, &StoreError::LimitReached { limit })
}

async fn revoked_key_frees_its_slot(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let limit = KeyLimit::AtMost(2);
    let insert = || store.insert(stage.key(&acme, 0), limit, by("user:1", 0));
    let first = created(insert().await)?.value;
    created(insert().await)?;
    for _ in 0..2 {
        // Only the first of the two revocations frees a slot.
        store.revoke(&acme, first.id, reason("leaked"), by("user:1", 1)).await?;
    }
    same("the keys in use", store.keys_in_use(&acme, at(1)).await?, 1)?;
    created(insert().await)?;
    let refusal = insert().await;
    refused("a key more than the slot", &refusal, &StoreError::LimitReached { limit })
}

async fn limit_is_of_one_organization(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let limit = KeyLimit::AtMost(1);
    for owner in ["acme", "globex", "initech"].map(organization) {
        created(store.insert(stage.key(&owner, 0), limit, by("user:1", 0)).await)?;
        same(format!("the keys of {owner}"), store.keys_in_use(&owner, at(0)).await?, 1)?;
    }
    Ok::<_, Failure>(())
}
