//! Contracts 6 and 13: the log of a deleted organization stays, for those who ask for it.

use keyfob_store::{Action, DynStore, Event, EventQuery, FeedPosition, KeyStore, OrganizationId};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, same};
use crate::footprint::every_event;
use crate::rules::delete_organization::Full;
use crate::sample::{actor, by, by_request, custom_event, events, organization};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![
    contract 6: deletion_is_logged_once;
    contract 13:
        log_of_deleted_organizations_is_read_when_it_is_asked_for,
        log_of_deleted_organizations_is_filtered,
        log_of_deleted_organizations_is_of_one_id,
        log_of_deleted_organizations_outlives_the_handle,
        log_that_nothing_was_deleted_from_is_the_same_with_the_deleted;
];

async fn deletion_is_logged_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let mut expected = Vec::new();
    // The last two times there is nothing left to delete.
    for by in [by_request("user:1", "req_1", 9), by("user:2", 8), by("user:2", 8)] {
        store.delete_organization(&acme, by.clone()).await?;
        let action = Some(Action::ORGANIZATION_DELETED);
        let query = EventQuery { action, ..events(200) }.with_deleted();
        let logged = every_event(&store, &acme, query).await?;
        let deletion = Event {
            position: logged.first().map_or(FeedPosition::START, |event| event.position),
            at: by.at,
            action: Action::ORGANIZATION_DELETED,
            actor: by.author.actor,
            organization: acme.clone(),
            key: None,
            request_id: by.author.request_id,
            details: keyfob_store::Details::new(),
        };
        expected.insert(0, deletion);
        same("the deletions that are logged", &logged, &expected)?;
    }
    Ok(())
}

/// Two organizations that were deleted, and a third of the same id; and what was logged of all.
async fn three_lives(stage: &Stage, store: &DynStore, id: &str) -> Result<Vec<Event>, Failure> {
    let owner = organization(id);
    let mut every = Vec::new();
    for life in 0..3 {
        let full = Full::new(stage, store, id).await?;
        store.append_event(custom_event(&owner, "plan.changed"), by("bob", life)).await?;
        let own = every_event(store, &owner, events(200)).await?;
        same("the first event of a life", own.last().and_then(|at| at.key), Some(full.keys[0].id))?;
        every.splice(0..0, own);
        if life < 2 {
            store.delete_organization(&owner, by("ann", 50)).await?;
            let newest = store.events(&owner, events(1).with_deleted()).await?.items;
            every.splice(0..0, newest);
        }
    }
    Ok(every)
}

async fn everything_logged(
    store: &DynStore,
    owner: &OrganizationId,
    size: u16,
) -> Result<Vec<Event>, Failure> {
    every_event(store, owner, events(size).with_deleted()).await
}

async fn log_of_deleted_organizations_is_read_when_it_is_asked_for(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let every = three_lives(stage, &store, "acme").await?;
    let deletions = every.iter().filter(|event| event.action == Action::ORGANIZATION_DELETED);
    same("deletions in the log", deletions.count(), 2)?;
    for store in [&store, &other] {
        for size in [1, 3, 200] {
            let logged = everything_logged(store, &acme, size).await?;
            same(format!("everything logged, in pages of {size}"), &logged, &every)?;
        }
        // Whoever asks for no more sees no more, on whichever page.
        let own = every.iter().take_while(|event| event.action != Action::ORGANIZATION_DELETED);
        let own: Vec<_> = own.cloned().collect();
        same("the log of the new organization", every_event(store, &acme, events(3)).await?, own)?;
        let old = EventQuery { after: every.last().map(|first| first.position), ..events(200) };
        same("what comes after the end", store.events(&acme, old).await?.items, vec![])?;
    }
    store.delete_organization(&acme, by("ann", 60)).await?;
    let mut logged = everything_logged(&other, &acme, 200).await?;
    same("the newest", logged.remove(0).action, Action::ORGANIZATION_DELETED)?;
    same("everything logged, of organizations that are gone", logged, every)
}

async fn log_of_deleted_organizations_is_filtered(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let every = three_lives(stage, &store, "acme").await?;
    let oldest = every.last().and_then(|event| event.key);
    let newest = every.iter().find_map(|event| event.key);
    let actions = [Action::KEY_CREATED, Action::KEY_ROTATED, Action::ORGANIZATION_DELETED];
    for key in [None, oldest, newest, Some(stage.key(&acme, 0).id)] {
        for actor in [None, Some(actor("ann")), Some(actor("user:1"))] {
            for action in actions.clone().map(Some).into_iter().chain([None]) {
                let is_asked_for = |event: &&Event| {
                    (key.is_none() || event.key == key)
                        && actor.as_ref().is_none_or(|actor| event.actor == *actor)
                        && action.as_ref().is_none_or(|action| event.action == *action)
                };
                let expected: Vec<_> = every.iter().filter(is_asked_for).cloned().collect();
                let query = EventQuery { key, actor: actor.clone(), action, ..events(2) };
                let query = query.with_deleted();
                let what = format!("the events that {query:?} asks for");
                same(what, every_event(&store, &acme, query).await?, expected)?;
            }
        }
    }
    Ok(())
}

async fn log_of_deleted_organizations_is_of_one_id(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let mut lives = Vec::new();
    for id in ["acme", "ACME", "globex"] {
        lives.push((organization(id), three_lives(stage, &store, id).await?));
    }
    let keys: Vec<_> = lives.iter().filter_map(|(_, every)| every.last()?.key).collect();
    for (owner, every) in &lives {
        let logged = everything_logged(&store, owner, 200).await?;
        same(format!("everything logged of {owner}"), &logged, every)?;
        for key in &keys {
            let own: Vec<_> = every.iter().filter(|at| at.key == Some(*key)).cloned().collect();
            let of_key = EventQuery { key: Some(*key), ..events(200) }.with_deleted();
            let what = format!("everything logged of {owner} and {key}");
            same(what, every_event(&store, owner, of_key).await?, own)?;
        }
    }
    let nobody = organization("nobody");
    same("the log of nobody", everything_logged(&store, &nobody, 200).await?, vec![])
}

async fn log_of_deleted_organizations_outlives_the_handle(stage: &Stage) -> Outcome {
    let acme = organization("acme");
    let store = stage.open().await?;
    let every = three_lives(stage, &store, "acme").await?;
    drop(store);
    let store = stage.open().await?;
    same("everything logged", everything_logged(&store, &acme, 200).await?, every)
}

async fn log_that_nothing_was_deleted_from_is_the_same_with_the_deleted(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = Full::new(stage, &store, "acme").await?.id;
    Full::new(stage, &store, "globex").await?;
    store.delete_organization(&organization("globex"), by("user:1", 50)).await?;
    let own = every_event(&store, &acme, events(200)).await?;
    same("everything logged", everything_logged(&store, &acme, 200).await?, own)
}
