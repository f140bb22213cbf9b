//! Contract 2: a lookup tells all and judges nothing.

use keyfob_store::{Environment, FoundState, KeyHash, KeyStore, ScopeNames};

use crate::check::{Check, checks};
use crate::failure::{Outcome, holds, same};
use crate::footprint::Footprint;
use crate::sample::{at, by, organization, reason};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 2:
    every_hash_has_its_answer_in_order,
    damaged_key_fails_alone,
    empty_batch_has_an_empty_answer,
    batch_may_be_large,
    key_is_found_in_every_state,
    scopes_and_environment_are_found_as_stored,
    near_miss_finds_nothing,
    lookup_writes_nothing,
];

async fn every_hash_has_its_answer_in_order(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let first = stage.stored(&store, &acme, 0).await?.value;
    let second = stage.stored(&store, &globex, 1).await?.value;
    let [a, b] = [first.secrets[0].hash, second.secrets[0].hash];
    let unknown = stage.key(&acme, 2).secret.hash;

    let batch = [b, unknown, a, b, unknown, a, a];
    let expected: Vec<_> =
        batch.iter().map(|hash| first.found_by(hash).or_else(|| second.found_by(hash))).collect();
    same("the answers to a mixed batch", store.find(&batch).await?.all()?, expected)
}

async fn damaged_key_fails_alone(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let first = stage.stored(&store, &acme, 0).await?.value;
    let damaged = stage.stored(&store, &acme, 1).await?.value;
    let last = stage.stored(&store, &globex, 2).await?.value;
    let unknown = stage.key(&acme, 3).secret.hash;
    if !stage.damage(damaged.id).await? {
        return Ok(());
    }
    let [a, b, c] = [&first, &damaged, &last].map(|key| key.secrets[0].hash);
    let found = store.find(&[a, b, unknown, c, b]).await?.keys;
    same("how many answers there are", found.len(), 5)?;
    same("a key before the damaged one", &found[0], &Ok(first.found_by(&a)))?;
    holds("the damaged key is an error", found[1].is_err() && found[4].is_err())?;
    same("an unknown key", &found[2], &Ok(None))?;
    same("a key behind the damaged one", &found[3], &Ok(last.found_by(&c)))
}

async fn empty_batch_has_an_empty_answer(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    same("on an empty store", store.find(&[]).await?.all()?, vec![])?;
    stage.stored(&store, &organization("acme"), 0).await?;
    same("on a store with a key", store.find(&[]).await?.all()?, vec![])
}

async fn batch_may_be_large(stage: &Stage) -> Outcome {
    // More than the parameters of one statement, in databases that bound them.
    const LARGE: usize = 70_000;
    let store = stage.open().await?;
    let key = stage.stored(&store, &organization("acme"), 0).await?.value;
    let known = key.secrets[0].hash;
    let mut batch: Vec<KeyHash> = (0..LARGE as u64).map(unstored).collect();
    for place in [0, 999, LARGE / 2, LARGE - 1] {
        batch[place] = known;
    }
    let expected: Vec<_> = batch.iter().map(|hash| key.found_by(hash).map(|key| key.id)).collect();
    let found = store.find(&batch).await?.all()?;
    let found: Vec<_> = found.into_iter().map(|key| key.map(|key| key.id)).collect();
    same("how many answers there are", found.len(), expected.len())?;
    for (place, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        same(format!("the answer to hash {place} of {LARGE}"), found, expected)?;
    }
    Ok(())
}

/// A hash that no key of a check has.
fn unstored(number: u64) -> KeyHash {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    KeyHash::from_bytes(bytes)
}

async fn key_is_found_in_every_state(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let active = stage.stored(&store, &acme, 0).await?.value;
    let mut key = stage.key(&acme, 0);
    key.expires_at = Some(at(1));
    let expired = stage.stored_as(&store, key, 0).await?.value;
    let doomed = stage.stored(&store, &acme, 0).await?.value;
    let revoked = store.revoke(&acme, doomed.id, reason("leaked"), by("user:1", 2)).await?.value;

    for (state, key, expected) in [
        ("an active", &active, FoundState::Active),
        ("an expired", &expired, FoundState::Active),
        ("a revoked", &revoked, FoundState::Revoked),
    ] {
        let hash = key.secrets[0].hash;
        let found = store.find(&[hash]).await?.all()?.pop().flatten();
        same(format!("{state} key"), &found, &key.found_by(&hash))?;
        same(format!("the state of {state} key"), found.map(|key| key.state), Some(expected))?;
    }
    Ok(())
}

async fn scopes_and_environment_are_found_as_stored(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for environment in Environment::ALL {
        for scopes in ["", "org:read", "shield:write unknown:scope org:read"] {
            let mut key = stage.key(&acme, 0);
            key.environment = environment;
            key.scopes = ScopeNames::parse(scopes).expect("a check's own scopes are names");
            let hash = key.secret.hash;
            let expected = stage.stored_as(&store, key, 0).await?.value.found_by(&hash);
            let found = store.find(&[hash]).await?.all()?;
            let scopes = found.first().and_then(Option::as_ref).map(|key| key.scopes.as_str());
            same(
                "scopes, in their order",
                scopes,
                expected.as_ref().map(|key| key.scopes.as_str()),
            )?;
            same("the key", found, vec![expected])?;
        }
    }
    Ok(())
}

async fn near_miss_finds_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let key = stage.stored(&store, &organization("acme"), 0).await?.value;
    let hash = key.secrets[0].hash;
    let near: Vec<KeyHash> = (0..256)
        .map(|bit| {
            let mut bytes = *hash.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            KeyHash::from_bytes(bytes)
        })
        .collect();
    same("hashes that differ in one bit", store.find(&near).await?.all()?, vec![None; near.len()])
}

async fn lookup_writes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let before = Footprint::of(&store, &[&acme]).await?;
    let unknown = stage.key(&acme, 1).secret.hash;
    for _ in 0..10 {
        store.find(&[key.secrets[0].hash, unknown]).await?;
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}
