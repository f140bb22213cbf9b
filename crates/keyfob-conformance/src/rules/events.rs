//! Contract 6: every change is logged, once, in its own transaction.

use keyfob_store::{
    Action, Event, EventQuery, FeedPosition, KeyLimit, KeyStatus, KeyStore, NewEvent, NewKey,
    Revocation, StoreError,
};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, created, holds, same};
use crate::footprint::every_event;
use crate::sample::{
    actor, at, by, by_request, custom_event, events, idempotency, organization, reason,
};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 6:
    creation_is_logged_once,
    revocation_is_logged_once,
    what_was_refused_is_not_logged,
    custom_event_is_logged_as_given,
    events_are_listed_newest_first_in_pages,
    events_are_filtered,
    logged_events_stay_as_they_are,
    change_and_its_event_appear_together,
];

async fn creation_is_logged_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for (key, by) in [
        (stage.key(&acme, 0), by_request("user:1", "req_1", 3)),
        (NewKey { expires_at: Some(at(9)), ..stage.key(&acme, 0) }, by("user:2", 4)),
    ] {
        let made = created(store.insert(key, KeyLimit::Unlimited, by.clone()).await)?.value;
        let query = EventQuery { key: Some(made.id), ..events(200) };
        let logged = every_event(&store, &acme, query).await?;
        let expected = Event {
            position: logged.first().map_or(FeedPosition::START, |event| event.position),
            at: by.at,
            action: Action::KEY_CREATED,
            actor: by.author.actor,
            organization: acme.clone(),
            key: Some(made.id),
            request_id: by.author.request_id,
            details: made.created_details(),
        };
        same("the log of a key that was created", logged, vec![expected])?;
    }
    Ok(())
}

async fn revocation_is_logged_once(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for (reason, by) in
        [(reason("leaked"), by_request("user:2", "req_2", 3)), (None, by("user:3", 4))]
    {
        let key = stage.stored(&store, &acme, 0).await?.value.id;
        let details = Revocation::new(reason.clone(), &by).details();
        store.revoke(&acme, key, reason, by.clone()).await?;
        let query = EventQuery { key: Some(key), action: Some(Action::KEY_REVOKED), ..events(200) };
        let logged = every_event(&store, &acme, query).await?;
        let expected = Event {
            position: logged.first().map_or(FeedPosition::START, |event| event.position),
            at: by.at,
            action: Action::KEY_REVOKED,
            actor: by.author.actor,
            organization: acme.clone(),
            key: Some(key),
            request_id: by.author.request_id,
            details,
        };
        same("the revocations that are logged of a key", logged, vec![expected])?;
    }
    Ok(())
}

async fn what_was_refused_is_not_logged(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let first = NewKey { idempotency: idempotency("token", 1, 100), ..stage.key(&acme, 0) };
    stage.stored_as(&store, first.clone(), 0).await?;
    let before = every_event(&store, &acme, events(200)).await?;

    let other = |token| NewKey { idempotency: token, ..stage.key(&acme, 1) };
    for (key, limit) in [
        (other(None), KeyLimit::AtMost(1)),
        (other(idempotency("token", 2, 100)), KeyLimit::Unlimited),
        (NewKey { secret: first.secret, ..other(None) }, KeyLimit::Unlimited),
        (NewKey { id: first.id, ..other(None) }, KeyLimit::Unlimited),
    ] {
        let answer = store.insert(key, limit, by("user:1", 1)).await;
        holds("the insertion is refused", answer.is_err())?;
    }
    let unknown = stage.key(&acme, 0).id;
    let answer = store.revoke(&acme, unknown, None, by("user:1", 1)).await;
    holds("the revocation of an unknown key is refused", answer.is_err())?;
    same("the log", every_event(&store, &acme, events(200)).await?, before)
}

async fn custom_event_is_logged_as_given(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for (action, by) in
        [("organization.created", by("cli", 1)), ("plan.changed", by_request("user:1", "req_1", 2))]
    {
        let given = custom_event(&acme, action);
        let event = store.append_event(given.clone(), by.clone()).await?;
        let expected = Event {
            position: event.position,
            at: by.at,
            action: given.action,
            actor: by.author.actor,
            organization: acme.clone(),
            key: None,
            request_id: by.author.request_id,
            details: given.details,
        };
        same("what appending answers", &event, &expected)?;
        let newest = store.events(&acme, events(1)).await?.items;
        same("the newest event", newest, vec![expected])?;
    }
    Ok(())
}

async fn events_are_listed_newest_first_in_pages(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let empty = store.events(&acme, events(5)).await?;
    same("the page of an empty log", (empty.items, empty.next), (vec![], None))?;

    let mut expected = Vec::new();
    for number in 0..10 {
        // Clocks differ: the order is that of the log, and not that of the times.
        let by = by("user:1", 100 - number);
        stage.stored(&store, &globex, 0).await?;
        let event = store.append_event(custom_event(&acme, "plan.changed"), by).await?;
        expected.insert(0, event);
    }
    let positions: Vec<_> = expected.iter().map(|event| event.position).collect();
    holds("a later event has a greater position", positions.is_sorted_by(|a, b| a > b))?;
    for size in [1, 3, 5, 10, 200] {
        let logged = every_event(&store, &acme, events(size)).await?;
        same(format!("the log, in pages of {size}"), &logged, &expected)?;
    }
    let last = EventQuery { after: Some(positions[4]), ..events(5) };
    same("what comes after the last page", store.events(&acme, last).await?.next, None)
}

async fn events_are_filtered(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut keys = Vec::new();
    for number in 0..6 {
        let (maker, revoker) = if number % 2 == 0 { ("ann", "bob") } else { ("bob", "ann") };
        let key = stage.key(&acme, number);
        keys.push(key.id);
        store.insert(key, KeyLimit::Unlimited, by(maker, number)).await?;
        store.revoke(&acme, keys[keys.len() - 1], None, by(revoker, number)).await?;
        store.append_event(custom_event(&acme, "plan.changed"), by(maker, number)).await?;
    }
    let every = every_event(&store, &acme, events(200)).await?;
    same("events in all", every.len(), 18)?;

    let actors = [None, Some(actor("ann")), Some(actor("Ann"))];
    let plan_changed = Action::custom("plan.changed").expect("a check's own action is one");
    let actions = [None, Some(Action::KEY_CREATED), Some(Action::KEY_REVOKED), Some(plan_changed)];
    for key in [None, Some(keys[2]), Some(stage.key(&acme, 0).id)] {
        for actor in &actors {
            for action in &actions {
                let is_asked_for = |event: &&Event| {
                    (key.is_none() || event.key == key)
                        && actor.as_ref().is_none_or(|actor| event.actor == *actor)
                        && action.as_ref().is_none_or(|action| event.action == *action)
                };
                let expected: Vec<_> = every.iter().filter(is_asked_for).cloned().collect();
                let (actor, action) = (actor.clone(), action.clone());
                let query = EventQuery { key, actor, action, ..events(2) };
                let what = format!("the events that {query:?} asks for");
                same(what, every_event(&store, &acme, query).await?, expected)?;
            }
        }
    }
    Ok(())
}

async fn logged_events_stay_as_they_are(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    store.append_event(custom_event(&acme, "plan.changed"), by("user:1", 1)).await?;
    let before = every_event(&store, &acme, events(200)).await?;

    store.revoke(&acme, key, reason("leaked"), by("user:2", 2)).await?;
    stage.stored(&store, &acme, 3).await?;
    let event = NewEvent { ..custom_event(&acme, "plan.changed") };
    store.append_event(event, by("user:3", 4)).await?;
    let mut after = every_event(&store, &acme, events(200)).await?;
    same("events that were added", after.len(), before.len() + 3)?;
    after.drain(..3);
    same("the events that were there before", after, before)
}

/// A reader that sees the event sees the change, and the other way round, at every moment. A log that is read
/// before and after the key shows it, since neither ever takes anything back.
async fn change_and_its_event_appear_together(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let results = together((0..8).map(|number| {
        let (writer, reader, acme) = (store.clone(), other.clone(), acme.clone());
        let keys: Vec<NewKey> = (0..4).map(|_| stage.key(&acme, number)).collect();
        async move {
            for key in keys {
                let id = key.id;
                let (writing, acme_too) = (writer.clone(), acme.clone());
                let write = tokio::spawn(async move {
                    writing.insert(key, KeyLimit::Unlimited, by("user:1", 0)).await?;
                    writing.revoke(&acme_too, id, None, by("user:1", 1)).await?;
                    Ok::<_, StoreError>(())
                });
                let query = EventQuery { key: Some(id), ..events(200) };
                loop {
                    let finished = write.is_finished();
                    let before = reader.events(&acme, query.clone()).await?.items.len();
                    let changes = match reader.get(&acme, id).await {
                        Err(StoreError::NotFound) => 0,
                        key => 1 + usize::from(key?.status(at(2)) == KeyStatus::Revoked),
                    };
                    let after = reader.events(&acme, query.clone()).await?.items.len();
                    holds(
                        format!(
                            "{changes} changes of a key were seen between {before} and {after} events"
                        ),
                        before <= changes && changes <= after,
                    )?;
                    if finished {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                write.await.expect("the writer does not panic")?;
            }
            Ok::<_, Failure>(())
        }
    }))
    .await;
    results.into_iter().collect()
}
