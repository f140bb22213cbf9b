//! Contract 1: however many callers, no slot is given twice and none is lost.

use keyfob_store::{
    Action, Conflict, EventQuery, KeyLimit, KeyStatus, KeyStore, NewKey, StoreError,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, created, holds, refused, same};
use crate::footprint::{every_event, every_key};
use crate::sample::{at, by, events, keys, keys_that_are, organization};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 1:
    concurrent_creators_fill_every_slot_and_no_more,
    concurrent_inserts_of_one_hash_make_one_key,
    limit_holds_while_slots_come_and_go,
];

async fn concurrent_creators_fill_every_slot_and_no_more(stage: &Stage) -> Outcome {
    const ROUNDS: u64 = 25;
    const CREATORS: usize = 64;
    let stores = stage.open_two().await?;
    for round in 0..ROUNDS {
        let owner = organization(&format!("round-{round}"));
        let slots = 1 + round * 7 % 20;
        let limit = KeyLimit::AtMost(slots);
        let answers = together((0..CREATORS).map(|creator| {
            let store = stores[creator % 2].clone();
            let key = stage.key(&owner, 0);
            async move { store.insert(key, limit, by("user:1", 0)).await }
        }))
        .await;

        let mut made = 0;
        for answer in answers {
            if answer.is_ok() {
                created(answer)?;
                made += 1;
            } else {
                refused("a creator too many", &answer, &StoreError::LimitReached { limit })?;
            }
        }
        same(format!("keys that {CREATORS} creators made"), made, slots)?;
        let [store, other] = &stores;
        let listed = every_key(other, &owner, keys(200), at(0)).await?;
        same("keys that are stored", listed.len() as u64, slots)?;
        same("keys in use", store.keys_in_use(&owner, at(0)).await?, slots)?;
        let creations = EventQuery { action: Some(Action::KEY_CREATED), ..events(200) };
        let logged = every_event(other, &owner, creations).await?;
        same("creations that are logged", logged.len() as u64, slots)?;
    }
    Ok(())
}

async fn concurrent_inserts_of_one_hash_make_one_key(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let owners = ["acme", "globex"].map(organization);
    for _ in 0..10 {
        let secret = stage.key(&owners[0], 0).secret;
        let answers = together((0..16).map(|caller| {
            let store = stores[caller % 2].clone();
            let key = NewKey { secret, ..stage.key(&owners[caller / 2 % 2], 0) };
            async move { store.insert(key, KeyLimit::Unlimited, by("user:1", 0)).await }
        }))
        .await;

        let mut made = Vec::new();
        for answer in answers {
            if answer.is_ok() {
                made.push(created(answer)?.value);
            } else {
                refused("the same hash again", &answer, &Conflict::DuplicateHash.into())?;
            }
        }
        same("keys that 16 callers made of one hash", made.len(), 1)?;
        let found = stores[0].find(&[secret.hash]).await?.all()?;
        let expected = made.iter().map(|key| key.found_by(&secret.hash)).collect();
        same::<_, Vec<_>>("the key of the hash", found, expected)?;
    }
    Ok(())
}

async fn limit_holds_while_slots_come_and_go(stage: &Stage) -> Outcome {
    const SLOTS: u64 = 3;
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let results = together((0..16).map(|caller| {
        let (writer, reader) = if caller % 2 == 0 { (&store, &other) } else { (&other, &store) };
        let (writer, reader, acme) = (writer.clone(), reader.clone(), acme.clone());
        let mine: Vec<NewKey> = (0..10).map(|_| stage.key(&acme, 0)).collect();
        async move {
            let mut most = 0;
            for key in mine {
                let id = key.id;
                match writer.insert(key, KeyLimit::AtMost(SLOTS), by("user:1", 0)).await {
                    Ok(_) => {
                        tokio::task::yield_now().await;
                        most = most.max(reader.keys_in_use(&acme, at(0)).await?);
                        writer.revoke(&acme, id, None, by("user:1", 0)).await?;
                    }
                    Err(StoreError::LimitReached { .. }) => {}
                    Err(error) => return Err(error),
                }
                tokio::task::yield_now().await;
            }
            Ok(most)
        }
    }))
    .await;
    for most in results {
        let most = most?;
        holds(format!("at most {SLOTS} keys were in use, not {most}"), most <= SLOTS)?;
    }

    let live = keys_that_are(200, Some(KeyStatus::Active), None);
    same("keys that are left", every_key(&store, &acme, live, at(0)).await?, vec![])?;
    for _ in 0..SLOTS {
        let key = stage.key(&acme, 1);
        created(store.insert(key, KeyLimit::AtMost(SLOTS), by("user:1", 1)).await)?;
    }
    Ok(())
}
