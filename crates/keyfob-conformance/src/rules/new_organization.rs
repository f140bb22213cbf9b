//! Contract 13: nothing of a deleted organization comes back in a later one of its id.

use keyfob_store::{Conflict, KeyLimit, KeyRecord, KeyStore, NewKey, NewSecret, StoreError};

use crate::check::{Check, checks};
use crate::failure::{Outcome, created, refused, same};
use crate::footprint::{every_event, every_key};
use crate::rules::delete_organization::Full;
use crate::sample::{all_usage, at, by, count, events, idempotency, keys, organization, rotation};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 13:
    new_organization_of_the_same_id_starts_empty,
    tokens_of_a_deleted_organization_are_forgotten,
    hashes_of_a_deleted_organization_stay_taken,
    late_usage_of_a_deleted_organization_is_dropped,
];

const UNLIMITED: KeyLimit = KeyLimit::Unlimited;

async fn new_organization_of_the_same_id_starts_empty(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    for _life in 0..3 {
        let acme = Full::new(stage, &store, "acme").await?;
        store.delete_organization(&acme.id, by("user:1", 50)).await?;
        let limit = KeyLimit::AtMost(1);
        let key = created(store.insert(stage.key(&acme.id, 60), limit, by("user:2", 60)).await)?;
        let key = key.value;
        for store in [&store, &other] {
            let listed = every_key(store, &acme.id, keys(200), at(60)).await?;
            same("the list of the new organization", listed, vec![key.clone()])?;
            same("keys in use", store.keys_in_use(&acme.id, at(60)).await?, 1)?;
            let logged = every_event(store, &acme.id, events(200)).await?;
            let logged: Vec<_> = logged.into_iter().map(|event| event.key).collect();
            same("its log", logged, vec![Some(key.id)])?;
            same("its usage", store.usage(&acme.id, all_usage()).await?, vec![])?;
            let hash = key.secrets[0].hash;
            let found = store.find(&[hash]).await?.all()?;
            same("its key", found, vec![key.found_by(&hash)])?;
            let gone = store.get(&acme.id, acme.keys[0].id).await;
            refused("reading a key of the old one", &gone, &StoreError::NotFound)?;
            acme.is_refused(store).await?;
        }
        store.delete_organization(&acme.id, by("user:1", 70)).await?;
    }
    Ok(())
}

async fn tokens_of_a_deleted_organization_are_forgotten(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = Full::new(stage, &store, "acme").await?.id;
    store.delete_organization(&acme, by("user:1", 50)).await?;
    for (token, fingerprint) in [("created", 1), ("rotated", 2)] {
        let idempotency = idempotency(token, fingerprint, 10_000);
        let key = NewKey { idempotency, ..stage.key(&acme, 60) };
        let made = created(store.insert(key.clone(), UNLIMITED, by("user:1", 60)).await)?.value;
        same("the key that a token of the old organization makes", made.id, key.id)?;
    }
    same("keys in use", store.keys_in_use(&acme, at(60)).await?, 2)
}

async fn hashes_of_a_deleted_organization_stay_taken(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = Full::new(stage, &store, "acme").await?;
    store.delete_organization(&acme.id, by("user:1", 50)).await?;
    let heir = stage.stored(&store, &acme.id, 60).await?.value;
    let duplicate = Conflict::DuplicateHash.into();
    let hint = heir.secrets[0].hint;
    for hash in acme.hashes.iter().copied() {
        let secret = NewSecret { hash, hint };
        for owner in [acme.id.clone(), organization("globex")] {
            let key = NewKey { secret, ..stage.key(&owner, 60) };
            let answer = store.insert(key, UNLIMITED, by("user:1", 60)).await;
            refused("inserting a hash of the old organization", &answer, &duplicate)?;
        }
        let turn = rotation(secret, 900);
        let answer = store.rotate(&acme.id, heir.id, turn, by("user:1", 60)).await;
        refused("rotating to a hash of the old organization", &answer, &duplicate)?;
    }
    for KeyRecord { id, .. } in &acme.keys {
        let key = NewKey { id: *id, ..stage.key(&acme.id, 60) };
        let answer = store.insert(key, UNLIMITED, by("user:1", 60)).await;
        refused("inserting an id of it", &answer, &Conflict::DuplicateId.into())?;
    }
    acme.is_refused(&store).await
}

async fn late_usage_of_a_deleted_organization_is_dropped(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = Full::new(stage, &store, "acme").await?;
    store.delete_organization(&acme.id, by("user:1", 50)).await?;
    let heir = stage.stored(&store, &acme.id, 60).await?.value;
    let mut counts: Vec<_> = acme.keys.iter().map(|key| count(key, 0, 5)).collect();
    counts.push(count(&heir, 0, 1));
    store.record_usage(&stage.batch(counts)).await?;
    let rows = store.usage(&acme.id, all_usage()).await?;
    let rows: Vec<_> = rows.into_iter().map(|row| (row.key, row.count)).collect();
    same("the usage of the new organization", rows, vec![(heir.id, 1)])
}
