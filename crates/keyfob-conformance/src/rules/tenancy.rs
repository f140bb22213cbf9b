//! Contract 3: organizations are apart.

use keyfob_store::{EventQuery, KeyQuery, KeyStore, StoreError};

use crate::check::{Check, checks};
use crate::failure::{Outcome, refused, same};
use crate::footprint::{Footprint, every_event, every_key};
use crate::sample::{at, by, custom_event, events, keys, organization, reason};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 3:
    foreign_key_can_not_be_read,
    foreign_key_can_not_be_revoked,
    foreign_keys_are_not_listed,
    foreign_keys_are_not_counted,
    foreign_events_are_not_listed,
    similar_ids_are_different_organizations,
];

async fn foreign_key_can_not_be_read(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    stage.stored(&store, &globex, 0).await?;
    let key = stage.stored(&store, &acme, 0).await?.value;
    for stranger in [&globex, &organization("nobody")] {
        let answer = store.get(stranger, key.id).await;
        refused("reading another organization's key", &answer, &StoreError::NotFound)?;
    }
    same("what its owner reads", store.get(&acme, key.id).await?, key)
}

async fn foreign_key_can_not_be_revoked(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    stage.stored(&store, &globex, 0).await?;
    let active = stage.stored(&store, &acme, 0).await?.value;
    let revoked = stage.stored(&store, &acme, 0).await?.value;
    store.revoke(&acme, revoked.id, None, by("user:1", 1)).await?;

    let before = Footprint::of(&store, &[&acme, &globex]).await?;
    for key in [active.id, revoked.id, stage.key(&acme, 0).id] {
        let answer = store.revoke(&globex, key, reason("not ours"), by("user:2", 2)).await;
        refused("revoking another organization's key", &answer, &StoreError::NotFound)?;
    }
    same("what is stored", Footprint::of(&store, &[&acme, &globex]).await?, before)
}

async fn foreign_keys_are_not_listed(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for seconds in 0..6 {
        ours.insert(0, stage.stored(&store, &acme, seconds).await?.value);
        theirs.insert(0, stage.stored(&store, &globex, seconds).await?.value);
    }
    for size in [2, 200] {
        let listed = every_key(&store, &acme, keys(size), at(10)).await?;
        same("our keys", &listed, &ours)?;
    }
    // Another organization's key is a place in the order like any other, and opens no door.
    let query = KeyQuery { after: Some(theirs[2].id), ..keys(200) };
    let listed = every_key(&store, &acme, query, at(10)).await?;
    let older: Vec<_> = ours.into_iter().filter(|key| key.id < theirs[2].id).collect();
    same("our keys after one of theirs", listed, older)?;
    same(
        "nobody's keys",
        every_key(&store, &organization("nobody"), keys(5), at(10)).await?,
        vec![],
    )
}

async fn foreign_keys_are_not_counted(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    stage.stored(&store, &acme, 0).await?;
    stage.stored(&store, &globex, 0).await?;
    stage.stored(&store, &globex, 0).await?;
    same("our keys", store.keys_in_use(&acme, at(0)).await?, 1)?;
    same("their keys", store.keys_in_use(&globex, at(0)).await?, 2)?;
    same("nobody's keys", store.keys_in_use(&organization("nobody"), at(0)).await?, 0)
}

async fn foreign_events_are_not_listed(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let ours = stage.stored(&store, &acme, 0).await?.value;
    let theirs = stage.stored(&store, &globex, 0).await?.value;
    store.append_event(custom_event(&globex, "plan.changed"), by("user:2", 1)).await?;

    let logged = every_event(&store, &acme, events(200)).await?;
    let logged: Vec<_> = logged.into_iter().map(|event| event.key).collect();
    same("the keys of our events", logged, vec![Some(ours.id)])?;
    let query = EventQuery { key: Some(theirs.id), ..events(200) };
    same("our events of their key", every_event(&store, &acme, query).await?, vec![])
}

async fn similar_ids_are_different_organizations(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let ids = ["acme", "Acme", "ACME", "acme2", "acm", "acm_", "acm%", "*", "acme'--", "007", "7"];
    let mut stored = Vec::new();
    for owner in ids.map(organization) {
        stored.push(stage.stored(&store, &owner, 0).await?.value);
    }
    for key in &stored {
        let owner = &key.organization;
        let listed = every_key(&store, owner, keys(200), at(0)).await?;
        same(format!("the keys of {owner}"), &listed, &vec![key.clone()])?;
        same(format!("the count of {owner}"), store.keys_in_use(owner, at(0)).await?, 1)?;
        let logged = every_event(&store, owner, events(200)).await?;
        same(format!("the events of {owner}"), logged.len(), 1)?;
        for other in stored.iter().filter(|other| other.id != key.id) {
            let answer = store.get(owner, other.id).await;
            refused(format!("{owner} reads a foreign key"), &answer, &StoreError::NotFound)?;
        }
    }
    Ok(())
}
