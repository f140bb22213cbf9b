//! Contracts 3 and 4: whose key can't be changed, and when it can't be any more.

use keyfob_store::{
    Attribution, Conflict, DynStore, FoundState, KeyId, KeyLimit, KeyStore, NewKey, OrganizationId,
    StoreError, Switch,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, refused, same};
use crate::footprint::Footprint;
use crate::rules::rotate::{found, rotate};
use crate::sample::{at, by, expiring, organization, renaming, rescoping, rotation};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![
    contract 3: foreign_key_can_not_be_changed;
    contract 4:
        revoked_key_refuses_every_change,
        revocation_covers_every_secret;
];

async fn foreign_key_can_not_be_changed(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    stage.stored(&store, &globex, 0).await?;
    let active = stage.stored(&store, &acme, 0).await?.value;
    let rotating = stage.stored(&store, &acme, 0).await?.value;
    rotate(stage, &store, &rotating, 1, 100).await?;
    let revoked = stage.stored(&store, &acme, 0).await?.value;
    store.revoke(&acme, revoked.id, None, by("user:1", 1)).await?;
    let expired = NewKey { expires_at: Some(at(1)), ..stage.key(&acme, 0) };
    let expired = stage.stored_as(&store, expired, 0).await?.value;

    let before = Footprint::of(&store, &[&acme, &globex]).await?;
    let unknown = stage.key(&acme, 0).id;
    for key in [active.id, rotating.id, revoked.id, expired.id, unknown] {
        for stranger in [&globex, &organization("nobody")] {
            every_change_is_refused(stage, &store, stranger, key, &StoreError::NotFound).await?;
        }
    }
    every_change_is_refused(stage, &store, &acme, unknown, &StoreError::NotFound).await?;
    same("what is stored", Footprint::of(&store, &[&acme, &globex]).await?, before)
}

async fn revoked_key_refuses_every_change(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let plain = stage.stored(&store, &acme, 0).await?.value;
    let disabled = stage.stored(&store, &acme, 0).await?.value;
    store.switch(&acme, disabled.id, Switch::Off, by("user:1", 1)).await?;
    let rotating = stage.stored(&store, &acme, 0).await?.value;
    rotate(stage, &store, &rotating, 1, 1_000).await?;
    let expired = NewKey { expires_at: Some(at(1)), ..stage.key(&acme, 0) };
    let expired = stage.stored_as(&store, expired, 0).await?.value;
    let keys = [plain, disabled, rotating, expired];
    for key in &keys {
        store.revoke(&acme, key.id, None, by("user:1", 2)).await?;
    }
    let before = Footprint::of(&store, &[&acme]).await?;
    for key in &keys {
        let revoked = Conflict::Revoked.into();
        every_change_is_refused(stage, &store, &acme, key.id, &revoked).await?;
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)?;
    same("keys in use", store.keys_in_use(&acme, at(9)).await?, 0)
}

/// Tries every method that changes a key which is there, and asks that it be refused so.
async fn every_change_is_refused(
    stage: &Stage,
    store: &DynStore,
    owner: &OrganizationId,
    key: KeyId,
    expected: &StoreError,
) -> Outcome {
    let by = || -> Attribution { by("user:2", 9) };
    for ends in [9, 900] {
        let turn = rotation(stage.secret(), ends);
        let hash = turn.secret.hash;
        refused("rotating", &store.rotate(owner, key, turn, by()).await, expected)?;
        same("what the secret finds", store.find(&[hash]).await?.all()?, vec![None])?;
    }
    refused("retiring", &store.retire_old_secret(owner, key, by()).await, expected)?;
    for to in [Switch::Off, Switch::On] {
        let answer = store.switch(owner, key, to, by()).await;
        refused(format!("switching {to:?}"), &answer, expected)?;
    }
    for edit in [renaming("other"), rescoping(""), expiring(None), expiring(Some(at(99)))] {
        for limit in [KeyLimit::Unlimited, KeyLimit::AtMost(0)] {
            let answer = store.edit(owner, key, edit.clone(), limit, by()).await;
            refused(format!("the edit {edit:?}"), &answer, expected)?;
        }
    }
    Ok::<_, Failure>(())
}

async fn revocation_covers_every_secret(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let turned = rotate(stage, &store, &key, 1, 100).await?;
    let hashes = [key.secrets[0].hash, turned.secrets[0].hash];
    let revoked = store.revoke(&acme, key.id, None, by("user:1", 2)).await?.value;
    same("the secrets of the record", &revoked.secrets, &turned.secrets)?;
    let expected = vec![
        Some(found(&revoked, FoundState::Revoked, 1, Some(at(100)))),
        Some(found(&revoked, FoundState::Revoked, 2, None)),
    ];
    for store in [&store, &other] {
        same("both secrets", &store.find(&hashes).await?.all()?, &expected)?;
    }
    Ok(())
}
