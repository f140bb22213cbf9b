//! Contracts 7 and 13: a deleted organization is gone.

use keyfob_store::{
    Changed, DynStore, EventQuery, FoundState, KeyHash, KeyLimit, KeyRecord, KeyStatus, KeyStore,
    NewKey, OrganizationId, Rotation, StoreError, Switch, UsageGrain, UsageQuery,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, created, holds, refused, same};
use crate::follower::Follower;
use crate::footprint::{Footprint, every_event, every_key};
use crate::rules::rotate::rotate;
use crate::sample::{
    all_usage, at, by, count, custom_event, events, idempotency, keys, keys_that_are, organization,
    renaming, rotation,
};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![
    contract 13:
        keys_of_a_deleted_organization_are_refused,
        deleted_organization_shows_nothing,
        keys_of_a_deleted_organization_can_not_be_changed,
        organization_that_has_nothing_is_deleted_too,
        deletion_leaves_other_organizations_alone,
        deletion_and_insertions_come_one_after_the_other;
    contract 7: deletion_is_told_to_followers;
];

const UNLIMITED: KeyLimit = KeyLimit::Unlimited;

/// An organization with keys in every state, events, and usage.
pub(crate) struct Full {
    pub(crate) id: OrganizationId,
    pub(crate) keys: Vec<KeyRecord>,
    /// Of every secret that its keys ever had.
    pub(crate) hashes: Vec<KeyHash>,
}

impl Full {
    pub(crate) async fn new(stage: &Stage, store: &DynStore, id: &str) -> Result<Self, Failure> {
        let id = organization(id);
        let token = idempotency("created", 1, 10_000);
        let active = NewKey { idempotency: token, ..stage.key(&id, 0) };
        let expired = NewKey { expires_at: Some(at(1)), ..stage.key(&id, 0) };
        let mut keys = Vec::new();
        for key in [active, expired, stage.key(&id, 0), stage.key(&id, 0), stage.key(&id, 0)] {
            keys.push(stage.stored_as(store, key, 0).await?.value);
        }
        let mut hashes: Vec<_> = keys.iter().map(|key| key.secrets[0].hash).collect();
        store.switch(&id, keys[2].id, Switch::Off, by("user:1", 2)).await?;
        store.revoke(&id, keys[3].id, None, by("user:1", 2)).await?;
        for turn in [10, 20, 30] {
            let turned = rotate(stage, store, &keys[4], turn, turn + 5).await?;
            hashes.push(turned.secrets[0].hash);
        }
        let turn = Rotation {
            idempotency: idempotency("rotated", 1, 10_000),
            ..rotation(stage.secret(), 100)
        };
        hashes.push(turn.secret.hash);
        created(store.rotate(&id, keys[4].id, turn, by("user:1", 40)).await)?;
        store.append_event(custom_event(&id, "plan.changed"), by("user:1", 41)).await?;
        let counts = keys.iter().map(|key| count(key, 0, 5)).collect();
        store.record_usage(&stage.batch(counts)).await?;
        Ok(Self { id, keys, hashes })
    }

    /// Asks that each of its secrets is refused since the organization is gone.
    pub(crate) async fn is_refused(&self, store: &DynStore) -> Outcome {
        let found = store.find(&self.hashes).await?.all()?;
        let states: Vec<_> = found.iter().map(|key| key.as_ref().map(|key| key.state)).collect();
        let expected = vec![Some(FoundState::OrganizationDeleted); self.hashes.len()];
        same("the state of each secret of a deleted organization", states, expected)
    }
}

async fn keys_of_a_deleted_organization_are_refused(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = Full::new(stage, &store, "acme").await?;
    let before = store.find(&acme.hashes).await?.all()?;
    store.delete_organization(&acme.id, by("user:1", 50)).await?;
    for store in [&store, &other] {
        acme.is_refused(store).await?;
        let found = store.find(&acme.hashes).await?.all()?;
        for (found, before) in found.into_iter().flatten().zip(before.iter().flatten()) {
            let identity = (found.id, found.organization, found.secret, found.environment);
            let before =
                (before.id, before.organization.clone(), before.secret, before.environment);
            same("which key it was", identity, before)?;
        }
    }
    Ok(())
}

async fn deleted_organization_shows_nothing(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = Full::new(stage, &store, "acme").await?;
    store.delete_organization(&acme.id, by("user:1", 50)).await?;
    for store in [&store, &other] {
        for key in &acme.keys {
            refused("reading a key", &store.get(&acme.id, key.id).await, &StoreError::NotFound)?;
            let of_key = EventQuery { key: Some(key.id), ..events(200) };
            let logged = every_event(store, &acme.id, of_key).await?;
            same("the events of a key", logged, vec![])?;
            let of_key = UsageQuery { key: Some(key.id), ..all_usage() };
            same("the usage of a key", store.usage(&acme.id, of_key).await?, vec![])?;
        }
        same("the log", every_event(store, &acme.id, events(200)).await?, vec![])?;
        same("keys in use", store.keys_in_use(&acme.id, at(0)).await?, 0)?;
        for status in KeyStatus::ALL.map(Some).into_iter().chain([None]) {
            let query = keys_that_are(200, status, None);
            same("the list", every_key(store, &acme.id, query, at(50)).await?, vec![])?;
        }
        for grain in [UsageGrain::Hour, UsageGrain::Day] {
            let query = UsageQuery { grain, ..all_usage() };
            same("the usage", store.usage(&acme.id, query).await?, vec![])?;
        }
    }
    Ok(())
}

async fn keys_of_a_deleted_organization_can_not_be_changed(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = Full::new(stage, &store, "acme").await?;
    store.delete_organization(&acme.id, by("user:1", 50)).await?;
    let before = Footprint::of(&store, &[&acme.id]).await?;
    for key in &acme.keys {
        let by = || by("user:1", 60);
        let (owner, id) = (&acme.id, key.id);
        let gone = &StoreError::NotFound;
        refused("revoking", &store.revoke(owner, id, None, by()).await, gone)?;
        refused("switching off", &store.switch(owner, id, Switch::Off, by()).await, gone)?;
        refused("switching on", &store.switch(owner, id, Switch::On, by()).await, gone)?;
        let turn = rotation(stage.secret(), 900);
        refused("rotating", &store.rotate(owner, id, turn, by()).await, gone)?;
        refused("retiring", &store.retire_old_secret(owner, id, by()).await, gone)?;
        let edited = store.edit(owner, id, renaming("x"), UNLIMITED, by()).await;
        refused("editing", &edited, gone)?;
    }
    same("what is stored", Footprint::of(&store, &[&acme.id]).await?, before)?;
    acme.is_refused(&store).await
}

async fn organization_that_has_nothing_is_deleted_too(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for seconds in 0..3 {
        store.delete_organization(&acme, by("user:1", seconds)).await?;
        same("the log", every_event(&store, &acme, events(200)).await?, vec![])?;
    }
    let key = stage.stored(&store, &acme, 5).await?.value;
    same("the key of a new organization", store.get(&acme, key.id).await?, key)
}

async fn deletion_leaves_other_organizations_alone(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, other) = (organization("acme"), organization("ACME"));
    Full::new(stage, &store, "acme").await?;
    let theirs = Full::new(stage, &store, "ACME").await?;
    let found = store.find(&theirs.hashes).await?.all()?;
    let listed = every_key(&store, &other, keys(200), at(50)).await?;
    let logged = every_event(&store, &other, events(200)).await?;
    let used = store.usage(&other, all_usage()).await?;

    store.delete_organization(&acme, by("user:1", 50)).await?;
    same("what is found of another", store.find(&theirs.hashes).await?.all()?, found)?;
    same("its list", every_key(&store, &other, keys(200), at(50)).await?, listed)?;
    same("its log", every_event(&store, &other, events(200)).await?, logged)?;
    same("its usage", store.usage(&other, all_usage()).await?, used)
}

/// A key is of the organization that was deleted, or of the one after it, and never of neither or
/// of both.
async fn deletion_and_insertions_come_one_after_the_other(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    for round in 0..10 {
        let owner = organization(&format!("round-{round}"));
        stage.stored(&stores[0], &owner, 0).await?;
        let news: Vec<NewKey> = (0..24).map(|_| stage.key(&owner, 1)).collect();
        let hashes: Vec<_> = news.iter().map(|key| key.secret.hash).collect();
        let mut calls: Vec<_> = news.iter().cloned().map(Some).collect();
        calls.insert(12, None);
        let answers = together(calls.into_iter().zip(0_usize..).map(|(call, caller)| {
            let (store, owner) = (stores[caller % 2].clone(), owner.clone());
            async move {
                match call {
                    Some(key) => store.insert(key, UNLIMITED, by("user:1", 1)).await.map(drop),
                    None => store.delete_organization(&owner, by("user:1", 1)).await.map(drop),
                }
            }
        }))
        .await;
        answers.into_iter().collect::<Result<(), _>>()?;

        let listed = every_key(&stores[0], &owner, keys(200), at(1)).await?;
        let found = stores[1].find(&hashes).await?.all()?;
        let mut alive = 0;
        for (key, found) in news.iter().zip(found) {
            let is_listed = listed.iter().any(|listed| listed.id == key.id);
            alive += u64::from(is_listed);
            let expected =
                if is_listed { FoundState::Active } else { FoundState::OrganizationDeleted };
            same("the state of a key", found.map(|found| found.state), Some(expected))?;
        }
        same("keys in use", stores[1].keys_in_use(&owner, at(1)).await?, alive)?;
        same("keys that are listed", listed.len() as u64, alive)?;
        let logged = every_event(&stores[1], &owner, events(200)).await?;
        same("creations in the log", logged.len() as u64, alive)?;
    }
    Ok(())
}

async fn deletion_is_told_to_followers(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let first = stage.stored(&store, &acme, 0).await?;
    for seconds in 1..3 {
        let deleted = store.delete_organization(&acme, by("user:1", seconds)).await?;
        for store in [&store, &other] {
            let follower = Follower::after(store, first.position).await?;
            let told: Vec<_> = follower.seen.into_iter().map(|change| change.changed).collect();
            let times =
                told.iter().filter(|&at| *at == Changed::Organization(acme.clone())).count();
            same(
                "how often the feed told of a deletion",
                i64::try_from(times).ok(),
                Some(seconds),
            )?;
            let follower = Follower::after(store, deleted.position).await?;
            follower.saw("changes after the deletion's position", &[])?;
        }
        holds("a deletion has a position of its own", deleted.position > first.position)?;
    }
    Ok(())
}
