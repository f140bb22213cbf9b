//! Contracts 1 and 6: keys of another system are taken over all or none.

use std::cmp::Reverse;

use keyfob_store::{
    Action, Conflict, KeyLimit, KeyRecord, KeyStore, NewKey, OrganizationId, StoreError,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, import_refused, same};
use crate::footprint::{Footprint, every_event, every_key};
use crate::sample::{at, by, by_request, events, keys, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![
    contract 1:
        imported_keys_are_stored_as_given,
        import_is_all_or_none,
        import_fills_the_limit_and_goes_no_further,
        import_of_none_writes_nothing,
        import_may_be_large,
        concurrent_imports_never_overshoot;
    contract 6: import_is_logged_key_by_key;
];

const UNLIMITED: KeyLimit = KeyLimit::Unlimited;

fn some_keys(stage: &Stage, owner: &OrganizationId, count: i64) -> Vec<NewKey> {
    (0..count).map(|number| stage.key(owner, number)).collect()
}

async fn imported_keys_are_stored_as_given(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let mut given = some_keys(stage, &acme, 5);
    given[1].expires_at = Some(at(50));
    given.swap(0, 3);
    let by = by("cli", 9);
    let records: Vec<KeyRecord> = given.iter().map(|key| key.clone().into_record(&by)).collect();
    let imported = store.import(given, UNLIMITED, by).await?.value;
    same("what the import answers, in the order that was given", &imported, &records)?;

    let hashes: Vec<_> = records.iter().map(|key| key.secrets[0].hash).collect();
    let found: Vec<_> = records.iter().zip(&hashes).map(|(key, hash)| key.found_by(hash)).collect();
    let mut newest_first = records;
    newest_first.sort_by_key(|key| Reverse(key.id));
    for store in [&store, &other] {
        same("the list", every_key(store, &acme, keys(2), at(9)).await?, newest_first.clone())?;
        same("what is found", &store.find(&hashes).await?.all()?, &found)?;
        same("keys in use", store.keys_in_use(&acme, at(50)).await?, 4)?;
    }
    Ok(())
}

async fn import_is_all_or_none(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let (acme, globex) = (organization("acme"), organization("globex"));
    let foreign = stage.key(&globex, 0);
    stage.stored_as(&store, foreign.clone(), 0).await?;
    let before = Footprint::of(&store, &[&acme, &globex]).await?;

    let limit = KeyLimit::AtMost(3);
    let broken = |index: usize, broken: fn(&mut NewKey, &NewKey, &NewKey)| {
        let mut given = some_keys(stage, &acme, 6);
        let first = given[0].clone();
        broken(&mut given[index], &first, &foreign);
        given
    };
    let hash = || Conflict::DuplicateHash.into();
    let id = || Conflict::DuplicateId.into();
    let full = StoreError::LimitReached { limit };
    for (what, given, limit, index, expected) in [
        (
            "a hash twice",
            broken(4, |key, first, _| key.secret = first.secret),
            UNLIMITED,
            4,
            hash(),
        ),
        ("an id twice", broken(5, |key, first, _| key.id = first.id), UNLIMITED, 5, id()),
        ("a stored hash", broken(0, |key, _, old| key.secret = old.secret), UNLIMITED, 0, hash()),
        ("a stored id", broken(2, |key, _, old| key.id = old.id), UNLIMITED, 2, id()),
        ("more than the limit", broken(5, |_, _, _| ()), limit, 3, full),
    ] {
        let hashes: Vec<_> = given
            .iter()
            .map(|key| key.secret.hash)
            .filter(|hash| *hash != foreign.secret.hash)
            .collect();
        let refusal = store.import(given, limit, by("cli", 1)).await;
        import_refused(format!("an import with {what}"), refusal, index, &expected)?;
        same("what is stored", &Footprint::of(&store, &[&acme, &globex]).await?, &before)?;
        let found = store.find(&hashes).await?.all()?;
        same("what its hashes find", found, vec![None; hashes.len()])?;
    }
    Ok(())
}

async fn import_fills_the_limit_and_goes_no_further(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let limit = KeyLimit::AtMost(4);
    let refusal = store.import(some_keys(stage, &acme, 4), limit, by("cli", 1)).await;
    import_refused("four keys where three fit", refusal, 3, &StoreError::LimitReached { limit })?;
    store.import(some_keys(stage, &acme, 3), limit, by("cli", 1)).await?;
    let refusal = store.import(some_keys(stage, &acme, 1), limit, by("cli", 1)).await;
    import_refused("one key too many", refusal, 0, &StoreError::LimitReached { limit })?;
    // A key that has expired already takes no slot, and may be taken over for the record.
    let mut given = some_keys(stage, &acme, 3);
    for key in &mut given {
        key.expires_at = Some(at(0));
    }
    let refusal = store.import(given.clone(), limit, by("cli", 1)).await;
    import_refused("expired keys at the limit", refusal, 0, &StoreError::LimitReached { limit })?;
    store.import(given, KeyLimit::AtMost(5), by("cli", 1)).await?;
    same("keys in use", store.keys_in_use(&acme, at(1)).await?, 4)
}

async fn import_of_none_writes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let before = Footprint::of(&store, &[&acme]).await?;
    let imported = store.import(vec![], KeyLimit::AtMost(0), by("cli", 1)).await?.value;
    same("what the import answers", imported, vec![])?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn import_may_be_large(stage: &Stage) -> Outcome {
    const LARGE: i64 = 2_000;
    let store = stage.open().await?;
    let acme = organization("acme");
    let given = some_keys(stage, &acme, LARGE);
    let hashes: Vec<_> = given.iter().map(|key| key.secret.hash).collect();
    let ids: Vec<_> = given.iter().map(|key| Some(key.id)).collect();
    store.import(given, KeyLimit::AtMost(2_000), by("cli", 1)).await?;
    let found = store.find(&hashes).await?.all()?;
    let found: Vec<_> = found.into_iter().map(|key| key.map(|key| key.id)).collect();
    same("every key is found", found == ids, true)
}

async fn concurrent_imports_never_overshoot(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let limit = KeyLimit::AtMost(10);
    for round in 0..10 {
        let owner = organization(&format!("round-{round}"));
        let answers = together((0..8).map(|caller| {
            let store = stores[caller % 2].clone();
            let given = some_keys(stage, &owner, 3);
            async move { store.import(given, limit, by("cli", 0)).await }
        }))
        .await;
        let mut imported = 0;
        for answer in answers {
            if answer.is_ok() {
                imported += 1;
            } else {
                let full = StoreError::LimitReached { limit };
                import_refused("an import that does not fit", answer, 1, &full)?;
            }
        }
        same("imports of three keys where ten fit", imported, 3)?;
        same("keys in use", stores[1].keys_in_use(&owner, at(0)).await?, 9)?;
    }
    Ok(())
}

async fn import_is_logged_key_by_key(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let by = by_request("cli", "req_1", 3);
    let imported = store.import(some_keys(stage, &acme, 3), UNLIMITED, by.clone()).await?.value;
    let logged = every_event(&store, &acme, events(200)).await?;
    let logged: Vec<_> = logged
        .into_iter()
        .rev()
        .map(|event| {
            let author = (event.actor, event.request_id);
            (event.at, event.action, author, event.key, event.details)
        })
        .collect();
    let expected: Vec<_> = imported
        .iter()
        .map(|key| {
            let author = (by.author.actor.clone(), by.author.request_id.clone());
            (by.at, Action::KEY_IMPORTED, author, Some(key.id), key.created_details())
        })
        .collect();
    same("the log of an import, oldest first", logged, expected)
}
