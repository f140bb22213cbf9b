//! Contract 11: rotation keeps the key, and its old secrets.

use keyfob_store::{
    Conflict, DynStore, FoundKey, FoundState, KeyLimit, KeyRecord, KeyStore, NewSecret,
    OrganizationId, Rotation, SecretRecord, StoreError, Switch, Timestamp,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, created, refused, same};
use crate::footprint::{Footprint, every_key};
use crate::sample::{at, by, just_before, keys, organization, rotation};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 11:
    rotated_key_keeps_all_but_its_secret,
    rotation_takes_no_slot,
    both_secrets_are_found_during_the_overlap,
    overlap_that_is_over_retires_at_once,
    third_secret_is_refused_until_the_overlap_ends,
    refused_rotation_writes_nothing,
    earlier_secrets_are_found_as_retired_for_ever,
    known_hash_is_not_rotated_in,
    rotation_leaves_the_state_alone,
    expired_key_is_not_rotated,
    overlap_ends_with_the_key,
];

async fn rotated_key_keeps_all_but_its_secret(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let before = stage.stored(&store, &acme, 0).await?.value;
    let bystander = stage.stored(&store, &acme, 1).await?.value;
    let secret = stage.secret();
    let expected = rotated(&before, secret, at(5), at(100));

    let turn = rotation(secret, 100);
    let made = created(store.rotate(&acme, before.id, turn, by("user:2", 5)).await)?.value;
    same("what the rotation answers", &made, &expected)?;
    for store in [&store, &other] {
        same("what `get` reads", &store.get(&acme, before.id).await?, &expected)?;
        let listed = every_key(store, &acme, keys(200), at(6)).await?;
        same("the list", listed, vec![bystander.clone(), expected.clone()])?;
    }
    Ok(())
}

async fn rotation_takes_no_slot(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = created(store.insert(stage.key(&acme, 0), KeyLimit::AtMost(1), by("u", 0)).await)?;
    rotate(stage, &store, &key.value, 1, 100).await?;
    same("keys in use, one of them rotating", store.keys_in_use(&acme, at(2)).await?, 1)?;
    let limit = KeyLimit::AtMost(2);
    created(store.insert(stage.key(&acme, 2), limit, by("user:1", 2)).await)?;
    let refusal = store.insert(stage.key(&acme, 2), limit, by("user:1", 2)).await;
    refused("a third key of two", &refusal, &StoreError::LimitReached { limit })
}

async fn both_secrets_are_found_during_the_overlap(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let key = stage.stored(&store, &organization("acme"), 0).await?.value;
    let turned = rotate(stage, &store, &key, 5, 100).await?;
    let hashes = [key.secrets[0].hash, turned.secrets[0].hash];
    let expected = vec![
        Some(found(&turned, FoundState::Active, 1, Some(at(100)))),
        Some(found(&turned, FoundState::Active, 2, None)),
    ];
    for store in [&store, &other] {
        same("the old secret and the new", &store.find(&hashes).await?.all()?, &expected)?;
    }
    Ok(())
}

async fn overlap_that_is_over_retires_at_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for ends in [at(5), just_before(at(5)), at(-100), Timestamp::from_micros(i64::MIN)] {
        let before = stage.stored(&store, &acme, 0).await?.value;
        let secret = stage.secret();
        let turn = Rotation { overlap_ends: ends, ..rotation(secret, 0) };
        let made = created(store.rotate(&acme, before.id, turn, by("user:1", 5)).await)?.value;
        same("the rotated key", &made, &rotated(&before, secret, at(5), at(5)))?;
        same("the stored key", &store.get(&acme, before.id).await?, &made)?;
        let old = store.find(&[before.secrets[0].hash]).await?.all()?;
        let expected = found(&made, FoundState::Active, 1, Some(at(5)));
        same("the old secret", old, vec![Some(expected)])?;
        rotate(stage, &store, &before, 5, 0).await?;
    }
    Ok(())
}

async fn third_secret_is_refused_until_the_overlap_ends(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    rotate(stage, &store, &key, 5, 100).await?;
    for time in [at(5), at(50), just_before(at(100)), at(-10)] {
        let mut by = by("user:1", 0);
        by.at = time;
        let refusal = store.rotate(&acme, key.id, rotation(stage.secret(), 500), by).await;
        let expected = Conflict::StillRotating { until: at(100) }.into();
        refused("a third secret", &refusal, &expected)?;
    }
    let third = rotate(stage, &store, &key, 100, 200).await?;
    let generations: Vec<_> = third.secrets.iter().map(|secret| secret.generation).collect();
    same("the secrets of the record", generations, vec![3, 2])?;
    same("the stored key", store.get(&acme, key.id).await?, third)
}

async fn refused_rotation_writes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    rotate(stage, &store, &key, 5, 100).await?;
    let before = Footprint::of(&store, &[&acme]).await?;
    let third = stage.secret();
    let refusal = store.rotate(&acme, key.id, rotation(third, 500), by("user:1", 6)).await;
    let expected = Conflict::StillRotating { until: at(100) }.into();
    refused("a third secret", &refusal, &expected)?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)?;
    same("what its hash finds", store.find(&[third.hash]).await?.all()?, vec![None])
}

async fn earlier_secrets_are_found_as_retired_for_ever(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let mut hashes = vec![key.secrets[0].hash];
    let mut last = key.clone();
    for turn in 1..=4 {
        last = rotate(stage, &store, &key, turn * 100, turn * 100 + 50).await?;
        hashes.push(last.secrets[0].hash);
    }
    let ends = [Some(at(150)), Some(at(250)), Some(at(350)), Some(at(450)), None];
    let expect = |record: &KeyRecord, state| -> Vec<Option<FoundKey>> {
        (1..).zip(ends).map(|(secret, end)| Some(found(record, state, secret, end))).collect()
    };
    for store in [&store, &other] {
        let keys = store.find(&hashes).await?.all()?;
        same("the secrets, oldest first", keys, expect(&last, FoundState::Active))?;
    }
    let revoked = store.revoke(&acme, key.id, None, by("user:1", 900)).await?.value;
    let keys = other.find(&hashes).await?.all()?;
    same("the secrets of the revoked key", keys, expect(&revoked, FoundState::Revoked))
}

async fn known_hash_is_not_rotated_in(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let key = stage.stored(&store, &acme, 0).await?.value;
    let sister = stage.stored(&store, &acme, 0).await?.value;
    let foreign = stage.stored(&store, &globex, 0).await?.value;
    let turned = rotate(stage, &store, &key, 1, 1).await?;
    let last = rotate(stage, &store, &key, 2, 2).await?;

    let before = Footprint::of(&store, &[&acme, &globex]).await?;
    for (whose, key_of) in [
        ("its own in use", &last),
        ("its own before", &turned),
        ("its own first", &key),
        ("another key's", &sister),
        ("another organization's", &foreign),
    ] {
        let SecretRecord { hash, hint, .. } = key_of.secrets[0];
        let secret = NewSecret { hash, hint };
        let answer = store.rotate(&acme, key.id, rotation(secret, 9), by("user:1", 9)).await;
        refused(format!("a hash that is {whose}"), &answer, &Conflict::DuplicateHash.into())?;
    }
    same("what is stored", Footprint::of(&store, &[&acme, &globex]).await?, before)
}

async fn rotation_leaves_the_state_alone(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let disabled = stage.stored(&store, &acme, 0).await?.value;
    store.switch(&acme, disabled.id, Switch::Off, by("user:1", 1)).await?;
    let mut expiring = stage.key(&acme, 0);
    expiring.expires_at = Some(at(300));
    let expiring = stage.stored_as(&store, expiring, 0).await?.value;
    for key in [disabled, expiring] {
        let before = store.get(&acme, key.id).await?;
        let after = rotate(stage, &store, &key, 5, 100).await?;
        same("the state", &after.state, &before.state)?;
        same("the expiry", after.expires_at, before.expires_at)?;
        same("the stored key", store.get(&acme, key.id).await?, after)?;
    }
    Ok(())
}

/// The new secret would be refused as well.
async fn expired_key_is_not_rotated(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut expiring = stage.key(&acme, 0);
    expiring.expires_at = Some(at(3));
    let key = stage.stored_as(&store, expiring, 0).await?.value;
    let before = Footprint::of(&store, &[&acme]).await?;
    let expected = Conflict::Expired { since: at(3) }.into();
    for seconds in [3, 4, 500] {
        let turn = rotation(stage.secret(), 900);
        let refusal = store.rotate(&acme, key.id, turn, by("user:1", seconds)).await;
        refused("the rotation of an expired key", &refusal, &expected)?;
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)?;
    rotate(stage, &store, &key, 2, 2).await.map(drop)
}

async fn overlap_ends_with_the_key(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut expiring = stage.key(&acme, 0);
    expiring.expires_at = Some(at(50));
    let before = stage.stored_as(&store, expiring, 0).await?.value;
    let secret = stage.secret();
    let turn = rotation(secret, 100);
    let made = created(store.rotate(&acme, before.id, turn, by("user:1", 5)).await)?.value;
    same("the rotated key", &made, &rotated(&before, secret, at(5), at(50)))?;
    same("the stored key", store.get(&acme, before.id).await?, made)
}

/// Rotates a key at a second, with an overlap up to another one.
pub(crate) async fn rotate(
    stage: &Stage,
    store: &DynStore,
    key: &KeyRecord,
    seconds: i64,
    ends: i64,
) -> Result<KeyRecord, Failure> {
    let owner: &OrganizationId = &key.organization;
    let turn = rotation(stage.secret(), ends);
    Ok(created(store.rotate(owner, key.id, turn, by("user:1", seconds)).await)?.value)
}

/// What a record of one secret becomes.
fn rotated(before: &KeyRecord, new: NewSecret, at: Timestamp, ends: Timestamp) -> KeyRecord {
    let old = SecretRecord { retires_at: Some(ends), ..before.secrets[0].clone() };
    let new = SecretRecord {
        generation: 2,
        hash: new.hash,
        hint: new.hint,
        created_at: at,
        retires_at: None,
        last_used_at: None,
    };
    KeyRecord { secrets: vec![new, old], ..before.clone() }
}

/// What a lookup tells of one secret of a key.
pub(crate) fn found(
    key: &KeyRecord,
    state: FoundState,
    secret: u32,
    retires_at: Option<Timestamp>,
) -> FoundKey {
    FoundKey {
        id: key.id,
        organization: key.organization.clone(),
        environment: key.environment,
        scopes: key.scopes.clone(),
        state,
        expires_at: key.expires_at,
        secret,
        retires_at,
    }
}
