//! Contracts 1, 2 and 6: a key that is switched off is refused, holds its slot, and comes back.

use keyfob_store::{
    Action, EventQuery, FoundState, KeyLimit, KeyRecord, KeyState, KeyStatus, KeyStore, StoreError,
    Switch,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, refused, same};
use crate::footprint::{Footprint, every_event, every_key};
use crate::sample::{at, by, by_request, events, keys_that_are, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![
    contract 1: disabled_key_holds_its_slot;
    contract 2: disabled_key_is_found_as_disabled;
    contract 4: disabled_key_can_be_revoked;
    contract 6:
        switch_is_logged_once,
        switching_to_what_it_is_changes_nothing,
        concurrent_switches_are_logged_once;
];

async fn disabled_key_holds_its_slot(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    store.switch(&acme, key.id, Switch::Off, by("user:1", 1)).await?;
    same("keys in use", store.keys_in_use(&acme, at(1)).await?, 1)?;
    let limit = KeyLimit::AtMost(1);
    let refusal = store.insert(stage.key(&acme, 1), limit, by("user:1", 1)).await;
    refused("a second key of one", &refusal, &StoreError::LimitReached { limit })?;
    // It has its slot already, so nothing is counted when it comes back.
    store.switch(&acme, key.id, Switch::On, by("user:1", 2)).await?;
    same("keys in use", store.keys_in_use(&acme, at(2)).await?, 1)
}

async fn disabled_key_is_found_as_disabled(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let bystander = stage.stored(&store, &acme, 1).await?.value;
    for (to, state, found, status) in [
        (Switch::Off, KeyState::Disabled, FoundState::Disabled, KeyStatus::Disabled),
        (Switch::On, KeyState::Active, FoundState::Active, KeyStatus::Active),
        (Switch::Off, KeyState::Disabled, FoundState::Disabled, KeyStatus::Disabled),
    ] {
        let expected = KeyRecord { state, ..key.clone() };
        let answer = store.switch(&acme, key.id, to, by("user:1", 2)).await?.value;
        same(format!("what switching {to:?} answers"), &answer, &expected)?;
        for store in [&store, &other] {
            same("the stored key", &store.get(&acme, key.id).await?, &expected)?;
            let hash = key.secrets[0].hash;
            let seen = store.find(&[hash]).await?.all()?.pop().flatten();
            same("the state that is found", seen.map(|key| key.state), Some(found))?;
            let query = keys_that_are(200, Some(status), None);
            let listed = every_key(store, &acme, query, at(3)).await?;
            let listed: Vec<_> = listed.into_iter().filter(|at| at.id != bystander.id).collect();
            same(format!("the list of {} keys", status.as_str()), listed, vec![expected.clone()])?;
        }
    }
    Ok(())
}

async fn disabled_key_can_be_revoked(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    store.switch(&acme, key.id, Switch::Off, by("user:1", 1)).await?;
    let revoked = store.revoke(&acme, key.id, None, by("user:1", 2)).await?.value;
    same("its status", revoked.status(at(2)), KeyStatus::Revoked)?;
    same("the stored key", store.get(&acme, key.id).await?, revoked)
}

async fn switch_is_logged_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    for (to, action, by) in [
        (Switch::Off, Action::KEY_DISABLED, by_request("user:2", "req_1", 3)),
        (Switch::On, Action::KEY_ENABLED, by("user:3", 4)),
    ] {
        store.switch(&acme, key, to, by.clone()).await?;
        let query = EventQuery { key: Some(key), action: Some(action.clone()), ..events(200) };
        let logged = every_event(&store, &acme, query).await?;
        let newest = store.events(&acme, events(1)).await?.items;
        same("the newest event is the only one of its kind", &logged, &newest)?;
        let logged: Vec<_> = logged
            .into_iter()
            .map(|event| (event.at, event.action, event.actor, event.request_id, event.details))
            .collect();
        let author = by.author;
        let expected = (by.at, action, author.actor, author.request_id, serde_json::Map::new());
        same("the log of a switch", logged, vec![expected])?;
    }
    Ok(())
}

async fn switching_to_what_it_is_changes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let active = stage.stored(&store, &acme, 0).await?.value;
    let disabled = stage.stored(&store, &acme, 0).await?.value;
    let disabled = store.switch(&acme, disabled.id, Switch::Off, by("user:1", 1)).await?.value;
    let before = Footprint::of(&store, &[&acme]).await?;
    for (key, to) in [(active, Switch::On), (disabled, Switch::Off)] {
        let answer = store.switch(&acme, key.id, to, by("user:2", 2)).await?.value;
        same(format!("what switching {to:?} again answers"), answer, key)?;
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn concurrent_switches_are_logged_once(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&stores[0], &acme, 0).await?.value.id;
    for round in 0..10 {
        let to = if round % 2 == 0 { Switch::Off } else { Switch::On };
        let before = every_event(&stores[0], &acme, events(200)).await?.len();
        let answers = together((0..16).map(|caller| {
            let (store, acme) = (stores[caller % 2].clone(), acme.clone());
            async move { store.switch(&acme, key, to, by("user:1", 1)).await }
        }))
        .await;
        let now = stores[1].get(&acme, key).await?;
        for answer in answers {
            same("what each caller was answered", &answer?.value, &now)?;
        }
        let after = every_event(&stores[0], &acme, events(200)).await?.len();
        same("switches that are logged", after - before, 1)?;
    }
    Ok(())
}
