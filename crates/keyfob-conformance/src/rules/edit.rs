//! Contracts 1, 6, 8 and 9: an edit changes what it names, and nothing else.

use keyfob_store::{
    Action, Author, EventQuery, KeyEdit, KeyLimit, KeyRecord, KeyStore, NewKey, StoreError, Switch,
};
use serde_json::{Value, json};

use crate::check::{Check, checks};
use crate::failure::{Outcome, refused, same};
use crate::follower::Patience;
use crate::footprint::{Footprint, every_event, every_key};
use crate::sample::{
    at, by, by_request, events, expiring, keys, organization, renaming, rescoping, scopes,
};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![
    contract 1:
        edit_that_revives_a_key_counts_against_the_limit,
        edit_that_revives_nothing_ignores_the_limit,
        concurrent_revivals_fill_every_slot_and_no_more;
    contract 6:
        edit_is_logged_with_what_it_changed,
        edit_of_nothing_changes_nothing;
    contract 8: narrowed_scopes_are_found_at_the_position;
    contract 9: edit_changes_what_it_names;
];

const UNLIMITED: KeyLimit = KeyLimit::Unlimited;

/// A key that expires ten seconds into the check.
fn expiring_key(stage: &Stage, owner: &str) -> NewKey {
    NewKey { expires_at: Some(at(10)), ..stage.key(&organization(owner), 0) }
}

async fn edit_that_revives_a_key_counts_against_the_limit(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let active = stage.stored_as(&store, expiring_key(stage, "acme"), 0).await?.value.id;
    let disabled = stage.stored_as(&store, expiring_key(stage, "acme"), 0).await?.value.id;
    store.switch(&acme, disabled, Switch::Off, by("user:1", 1)).await?;
    let before = Footprint::of(&store, &[&acme]).await?;
    for (expiry, key, most) in
        [(None, active, 0), (Some(at(99)), active, 0), (None, disabled, 0), (None, disabled, 0)]
    {
        let limit = KeyLimit::AtMost(most);
        let refusal = store.edit(&acme, key, expiring(expiry), limit, by("user:1", 10)).await;
        refused("reviving a key", &refusal, &StoreError::LimitReached { limit })?;
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)?;

    let limit = KeyLimit::AtMost(1);
    store.edit(&acme, active, expiring(None), limit, by("user:1", 10)).await?;
    same("keys in use", store.keys_in_use(&acme, at(10)).await?, 1)?;
    let refusal = store.edit(&acme, disabled, expiring(None), limit, by("user:1", 10)).await;
    refused("reviving a second key of one", &refusal, &StoreError::LimitReached { limit })
}

async fn edit_that_revives_nothing_ignores_the_limit(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let limit = KeyLimit::AtMost(0);
    let key = stage.stored_as(&store, expiring_key(stage, "acme"), 0).await?.value.id;
    for (edit, seconds) in [
        (renaming("live"), 9),
        (expiring(Some(at(20))), 9),
        (renaming("expired"), 20),
        (expiring(Some(at(15))), 20),
        (expiring(Some(at(20))), 20),
        (rescoping(""), 20),
    ] {
        let edited = store.edit(&acme, key, edit, limit, by("user:1", seconds)).await?.value;
        same("the stored key", store.get(&acme, key).await?, edited)?;
    }
    Ok(())
}

async fn concurrent_revivals_fill_every_slot_and_no_more(stage: &Stage) -> Outcome {
    const SLOTS: u64 = 5;
    let stores = stage.open_two().await?;
    let limit = KeyLimit::AtMost(SLOTS);
    for round in 0..10 {
        let owner = format!("round-{round}");
        let mut expired = Vec::new();
        for _ in 0..16 {
            expired
                .push(stage.stored_as(&stores[0], expiring_key(stage, &owner), 0).await?.value.id);
        }
        let owner = organization(&owner);
        let answers = together(expired.into_iter().zip(0_usize..).map(|(key, caller)| {
            let (store, owner) = (stores[caller % 2].clone(), owner.clone());
            async move { store.edit(&owner, key, expiring(None), limit, by("user:1", 10)).await }
        }))
        .await;
        let mut revived = 0;
        for answer in answers {
            if answer.is_ok() {
                revived += 1;
            } else {
                refused("a revival too many", &answer, &StoreError::LimitReached { limit })?;
            }
        }
        same("keys that were revived", revived, SLOTS)?;
        same("keys in use", stores[1].keys_in_use(&owner, at(10)).await?, SLOTS)?;
    }
    Ok(())
}

async fn edit_is_logged_with_what_it_changed(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let name = |to: &str| json!({ "name": { "from": key.name.as_str(), "to": to } });
    let micros = at(99).as_micros();
    for (edit, details) in [
        (renaming("renamed"), name("renamed")),
        // What is so already is not said to have changed.
        (
            KeyEdit { scopes: Some(scopes("org:read")), ..renaming("renamed") },
            json!({ "scopes": { "from": ["org:read", "shield:write"], "to": ["org:read"] } }),
        ),
        (expiring(Some(at(99))), json!({ "expires_at": { "from": null, "to": micros } })),
        (
            KeyEdit { scopes: Some(scopes("")), ..expiring(None) },
            json!({
                "scopes": { "from": ["org:read"], "to": [] },
                "expires_at": { "from": micros, "to": null },
            }),
        ),
    ] {
        let by = by_request("user:2", "req_1", 5);
        store.edit(&acme, key.id, edit, UNLIMITED, by.clone()).await?;
        let logged = store.events(&acme, events(1)).await?.items;
        let logged: Vec<_> = logged
            .into_iter()
            .map(|event| (event.at, event.action, event.actor, event.request_id, event.details))
            .collect();
        let Author { actor, request_id } = by.author;
        let Value::Object(details) = details else { continue };
        let expected = (by.at, Action::KEY_EDITED, actor, request_id, details);
        same("the log of an edit", logged, vec![expected])?;
    }
    let query = EventQuery { action: Some(Action::KEY_EDITED), ..events(200) };
    same("edits that are logged", every_event(&store, &acme, query).await?.len(), 4)
}

async fn edit_of_nothing_changes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored_as(&store, expiring_key(stage, "acme"), 0).await?.value;
    let before = Footprint::of(&store, &[&acme]).await?;
    for edit in [
        KeyEdit::default(),
        renaming(key.name.as_str()),
        rescoping(key.scopes.as_str()),
        expiring(key.expires_at),
    ] {
        for seconds in [1, 10] {
            let by = by("user:2", seconds);
            let answer = store.edit(&acme, key.id, edit.clone(), KeyLimit::AtMost(0), by).await?;
            same("what such an edit answers", &answer.value, &key)?;
        }
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn narrowed_scopes_are_found_at_the_position(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&stores[0], &acme, 0).await?.value;
    let hash = key.secrets[0].hash;
    for round in 0..20 {
        let (writer, reader) = (&stores[round % 2], &stores[(round + 1) % 2]);
        let names = if round % 3 == 0 { "org:read" } else { "shield:write org:read" };
        let edit = rescoping(names);
        let committed = writer.edit(&acme, key.id, edit, UNLIMITED, by("user:1", 1)).await?;
        for store in [writer, reader] {
            let mut patience = Patience::new("a lookup's position comes to what was committed");
            let found = loop {
                let found = store.find(&[hash]).await?;
                if found.position >= committed.position {
                    break found;
                }
                patience.pause().await?;
            };
            let seen = found.all()?.into_iter().flatten().next().map(|key| key.scopes);
            same("the scopes at the position of the edit", seen, Some(scopes(names)))?;
        }
    }
    Ok(())
}

async fn edit_changes_what_it_names(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let [renaming, rescoping, expiring] =
        [renaming("später 🔑"), rescoping("z:last a:first"), expiring(Some(at(50)))];
    for parts in [0b001, 0b010, 0b100, 0b111] {
        let owner = organization(&format!("parts-{parts}"));
        let bystander = stage.stored(&store, &owner, 0).await?.value;
        let key = stage.stored(&store, &owner, 1).await?.value;
        let edit = KeyEdit {
            name: renaming.name.clone().filter(|_| parts & 0b001 != 0),
            scopes: rescoping.scopes.clone().filter(|_| parts & 0b010 != 0),
            expires_at: expiring.expires_at.filter(|_| parts & 0b100 != 0),
        };
        let expected = KeyRecord {
            name: edit.name.clone().unwrap_or_else(|| key.name.clone()),
            scopes: edit.scopes.clone().unwrap_or_else(|| key.scopes.clone()),
            expires_at: edit.expires_at.unwrap_or(key.expires_at),
            ..key.clone()
        };
        let answer = store.edit(&owner, key.id, edit, UNLIMITED, by("user:1", 2)).await?.value;
        same("what the edit answers", &answer, &expected)?;
        for store in [&store, &other] {
            let listed = every_key(store, &owner, keys(200), at(3)).await?;
            same("the list", listed, vec![expected.clone(), bystander.clone()])?;
            let hash = key.secrets[0].hash;
            let found = store.find(&[hash]).await?.all()?;
            same("what is found", found, vec![expected.found_by(&hash)])?;
        }
    }
    Ok(())
}
