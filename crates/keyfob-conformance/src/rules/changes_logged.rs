//! Contract 6: what is logged of a rotation, and how the log is read by action.

use keyfob_store::{Action, Event, EventQuery, KeyLimit, KeyRecord, KeyStore, Switch};
use serde_json::{Value, json};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, created, same};
use crate::footprint::every_event;
use crate::rules::rotate::rotate;
use crate::sample::{actor, at, by, by_request, events, organization, renaming, rotation};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 6:
    rotation_is_logged_once,
    retirement_is_logged_once,
    events_are_filtered_by_every_action,
];

async fn rotation_is_logged_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    // An overlap that is over before it begins is logged with the time at which it was.
    for (generation, seconds, ends, logged) in
        [(2, 10, 20, at(20)), (3, 30, 0, at(30)), (4, 40, 40, at(40))]
    {
        let by = by_request("user:2", "req_1", seconds);
        let turn = rotation(stage.secret(), ends);
        created(store.rotate(&acme, key.id, turn, by.clone()).await)?;
        let details = json!({ "generation": generation, "overlap_ends": logged.as_micros() });
        let newest = store.events(&acme, events(1)).await?.items;
        let expected = (Action::KEY_ROTATED, Some(key.id), Some(by), details);
        same("the log of a rotation", newest.first().map(told), Some(expected))?;
    }
    let query = EventQuery { action: Some(Action::KEY_ROTATED), ..events(200) };
    same("rotations that are logged", every_event(&store, &acme, query).await?.len(), 3)
}

async fn retirement_is_logged_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    for generation in 1..=3 {
        rotate(stage, &store, &key, generation * 10, 1_000).await?;
        let by = by_request("user:2", "req_1", generation * 10 + 1);
        store.retire_old_secret(&acme, key.id, by.clone()).await?;
        let details = json!({ "generation": generation });
        let newest = store.events(&acme, events(1)).await?.items;
        let expected = (Action::KEY_RETIRED, Some(key.id), Some(by), details);
        same("the log of a retirement", newest.first().map(told), Some(expected))?;
    }
    let query = EventQuery { action: Some(Action::KEY_RETIRED), ..events(200) };
    same("retirements that are logged", every_event(&store, &acme, query).await?.len(), 3)
}

type Told = (Action, Option<keyfob_store::KeyId>, Option<keyfob_store::Attribution>, Value);

/// What an event tells, but for its place.
fn told(event: &Event) -> Told {
    let author =
        keyfob_store::Author { actor: event.actor.clone(), request_id: event.request_id.clone() };
    (event.action.clone(), event.key, Some(author.at(event.at)), event.details.clone().into())
}

async fn events_are_filtered_by_every_action(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut made: Vec<KeyRecord> = Vec::new();
    for (maker, seconds) in [("ann", 0), ("bob", 1)] {
        let imported = vec![stage.key(&acme, seconds)];
        made.extend(store.import(imported, KeyLimit::Unlimited, by(maker, seconds)).await?.value);
        made.push(stage.stored(&store, &acme, seconds).await?.value);
    }
    for (changer, seconds) in [("ann", 10), ("bob", 20)] {
        for key in &made {
            let by = || by(changer, seconds);
            rotate(stage, &store, key, seconds, 1_000).await?;
            store.retire_old_secret(&acme, key.id, by()).await?;
            store.switch(&acme, key.id, Switch::Off, by()).await?;
            store.switch(&acme, key.id, Switch::On, by()).await?;
            let edit = renaming(&format!("renamed by {changer}"));
            store.edit(&acme, key.id, edit, KeyLimit::Unlimited, by()).await?;
        }
    }
    let every = every_event(&store, &acme, events(200)).await?;
    same("events in all", every.len(), 4 + 2 * 4 * 5)?;

    for action in [
        Action::KEY_CREATED,
        Action::KEY_IMPORTED,
        Action::KEY_ROTATED,
        Action::KEY_RETIRED,
        Action::KEY_DISABLED,
        Action::KEY_ENABLED,
        Action::KEY_EDITED,
        Action::KEY_REVOKED,
        Action::ORGANIZATION_DELETED,
    ] {
        for key in [None, Some(made[2].id)] {
            for by in [None, Some(actor("bob"))] {
                let is_asked_for = |event: &&Event| {
                    event.action == action
                        && (key.is_none() || event.key == key)
                        && by.as_ref().is_none_or(|by| event.actor == *by)
                };
                let expected: Vec<_> = every.iter().filter(is_asked_for).cloned().collect();
                let action = Some(action.clone());
                let query = EventQuery { key, actor: by.clone(), action, ..events(2) };
                let what = format!("the events that {query:?} asks for");
                same(what, every_event(&store, &acme, query).await?, expected)?;
            }
        }
    }
    Ok::<_, Failure>(())
}
