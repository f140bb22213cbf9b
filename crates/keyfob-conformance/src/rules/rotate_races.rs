//! Contract 11: rotations that are asked for at once.

use keyfob_store::{
    Action, Conflict, EventQuery, FoundState, Issued, KeyHash, KeyState, KeyStore, Rotation,
    StoreError,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, created, holds, refused, same};
use crate::footprint::every_event;
use crate::sample::{at, by, events, idempotency, organization, rotation};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 11:
    one_of_concurrent_rotations_wins,
    concurrent_rotations_without_overlap_come_one_after_the_other,
    concurrent_rotations_with_one_token_make_one_secret,
    rotation_and_revocation_come_one_after_the_other,
];

const CALLERS: usize = 16;

async fn one_of_concurrent_rotations_wins(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&stores[0], &acme, 0).await?.value.id;
    for round in 1..=10 {
        let (begin, end) = (round * 100, round * 100 + 50);
        let answers = together((0..CALLERS).map(|caller| {
            let (store, acme) = (stores[caller % 2].clone(), acme.clone());
            let turn = rotation(stage.secret(), end);
            async move { store.rotate(&acme, key, turn, by("user:1", begin)).await }
        }))
        .await;

        let mut made = Vec::new();
        for answer in answers {
            if answer.is_ok() {
                made.push(created(answer)?.value);
            } else {
                let expected = Conflict::StillRotating { until: at(end) }.into();
                refused("a rotation that came too late", &answer, &expected)?;
            }
        }
        same(format!("how many of {CALLERS} rotations won"), made.len(), 1)?;
        same("the key", &stores[1].get(&acme, key).await?, &made[0])?;
        let query = EventQuery { action: Some(Action::KEY_ROTATED), ..events(200) };
        let logged = every_event(&stores[0], &acme, query).await?.len();
        same("rotations that are logged", i64::try_from(logged).ok(), Some(round))?;
    }
    Ok(())
}

async fn concurrent_rotations_without_overlap_come_one_after_the_other(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&stores[0], &acme, 0).await?.value;
    let turns: Vec<_> = (0..CALLERS).map(|_| rotation(stage.secret(), 0)).collect();
    let hashes: Vec<KeyHash> = turns.iter().map(|turn| turn.secret.hash).collect();
    let answers = together(turns.into_iter().zip(0_usize..).map(|(turn, caller)| {
        let (store, acme, key) = (stores[caller % 2].clone(), acme.clone(), key.id);
        async move { store.rotate(&acme, key, turn, by("user:1", 1)).await }
    }))
    .await;
    let mut answered = Vec::new();
    for answer in answers {
        answered.push(created(answer)?.value.secrets[0].generation);
    }
    let found = stores[1].find(&hashes).await?.all()?;
    let found: Vec<_> = found.into_iter().map(|key| key.map_or(0, |key| key.secret)).collect();
    same("the generations that are found", &found, &answered)?;
    answered.sort_unstable();
    same("the generations that were answered", answered, (2..18).collect::<Vec<u32>>())
}

async fn concurrent_rotations_with_one_token_make_one_secret(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    for round in 0..10 {
        let key = stage.stored(&stores[0], &acme, 0).await?.value.id;
        let token = format!("token-{round}");
        let answers = together((0..CALLERS).map(|caller| {
            let (store, acme) = (stores[caller % 2].clone(), acme.clone());
            let turn = Rotation {
                idempotency: idempotency(&token, 1, 100),
                ..rotation(stage.secret(), 0)
            };
            async move { store.rotate(&acme, key, turn, by("user:1", 1)).await }
        }))
        .await;
        let mut made = 0;
        for answer in answers {
            let record = match answer? {
                Issued::New(committed) => {
                    made += 1;
                    committed.value
                }
                Issued::Replayed(record) => record,
            };
            same("the generation that each caller is told", record.secrets[0].generation, 2)?;
        }
        same(format!("how many of {CALLERS} callers made a secret"), made, 1)?;
    }
    Ok(())
}

/// What is rotated after all is revoked all the same, with every secret.
async fn rotation_and_revocation_come_one_after_the_other(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    for _ in 0..10 {
        let key = stage.stored(&stores[0], &acme, 0).await?.value.id;
        let turns: Vec<_> = (0..8).map(|_| rotation(stage.secret(), 0)).collect();
        let hashes: Vec<KeyHash> = turns.iter().map(|turn| turn.secret.hash).collect();
        let calls = turns.into_iter().map(Some).chain([None]).zip(0_usize..);
        let answers = together(calls.map(|(turn, caller)| {
            let (store, acme) = (stores[caller % 2].clone(), acme.clone());
            async move {
                let Some(turn) = turn else {
                    return store.revoke(&acme, key, None, by("user:2", 1)).await.map(|_| false);
                };
                match store.rotate(&acme, key, turn, by("user:1", 1)).await {
                    Ok(_) => Ok(true),
                    Err(StoreError::Conflict(Conflict::Revoked)) => Ok(false),
                    Err(error) => Err(error),
                }
            }
        }))
        .await;
        let record = stores[0].get(&acme, key).await?;
        holds("the key is revoked", matches!(record.state, KeyState::Revoked(_)))?;
        let answers: Vec<bool> = answers.into_iter().collect::<Result<_, _>>()?;
        let found = stores[1].find(&hashes).await?.all()?;
        let mut won = 0;
        for (rotated, found) in answers.into_iter().zip(found) {
            won += u32::from(rotated);
            let seen = found.map(|key| key.state);
            let expected = rotated.then_some(FoundState::Revoked);
            same("the state of a secret that raced with the revocation", seen, expected)?;
        }
        same("the generations in the end", record.secrets[0].generation, 1 + won)?;
    }
    Ok(())
}
