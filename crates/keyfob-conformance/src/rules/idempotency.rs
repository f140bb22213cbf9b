//! Contract 1: a request that is sent twice makes one key.

use keyfob_store::{
    Attribution, Conflict, Idempotency, Issued, KeyLimit, KeyStore, NewKey, OrganizationId,
    StoreError, Timestamp,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, created, holds, refused, replayed, same};
use crate::footprint::Footprint;
use crate::sample::{at, by, idempotency, organization, reason};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 1:
    repeated_token_answers_with_the_first_key,
    repeated_token_writes_nothing,
    replay_shows_the_key_as_it_is_now,
    token_for_another_request_is_a_conflict,
    token_belongs_to_its_organization,
    token_is_answered_before_the_limit,
    token_is_forgotten_after_its_time,
    refused_request_leaves_its_token_unused,
    concurrent_requests_with_one_token_make_one_key,
];

/// What a client's second attempt looks like: a new id and a new secret, under the old token.
fn attempt(stage: &Stage, owner: &OrganizationId, token: Option<Idempotency>) -> NewKey {
    NewKey { idempotency: token, ..stage.key(owner, 0) }
}

const UNLIMITED: KeyLimit = KeyLimit::Unlimited;

async fn repeated_token_answers_with_the_first_key(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let token = || idempotency("token", 1, 100);
    let first = attempt(stage, &acme, token());
    let first = created(store.insert(first, UNLIMITED, by("user:1", 0)).await)?.value;
    for store in [&store, &other] {
        let again = attempt(stage, &acme, token());
        let again = replayed(store.insert(again, UNLIMITED, by("user:2", 1)).await)?;
        same("the key that a repeated request is answered with", &again, &first)?;
    }
    let unlike = attempt(stage, &acme, idempotency("another", 1, 100));
    created(store.insert(unlike, UNLIMITED, by("user:1", 2)).await)?;
    Ok(())
}

async fn repeated_token_writes_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let first = attempt(stage, &acme, idempotency("token", 1, 100));
    created(store.insert(first, UNLIMITED, by("user:1", 0)).await)?;
    let before = Footprint::of(&store, &[&acme]).await?;

    let again = attempt(stage, &acme, idempotency("token", 1, 200));
    let (id, hash) = (again.id, again.secret.hash);
    replayed(store.insert(again, UNLIMITED, by("user:1", 1)).await)?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)?;
    same("what the second hash finds", store.find(&[hash]).await?.all()?, vec![None])?;
    refused("the second id", &store.get(&acme, id).await, &StoreError::NotFound)
}

async fn replay_shows_the_key_as_it_is_now(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let first = attempt(stage, &acme, idempotency("token", 1, 100));
    let first = created(store.insert(first, UNLIMITED, by("user:1", 0)).await)?.value;
    let revoked = store.revoke(&acme, first.id, reason("leaked"), by("user:1", 1)).await?.value;

    let again = attempt(stage, &acme, idempotency("token", 1, 100));
    let again = replayed(store.insert(again, UNLIMITED, by("user:1", 2)).await)?;
    same("the key, which was revoked in between", again, revoked)
}

async fn token_for_another_request_is_a_conflict(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let first = attempt(stage, &acme, idempotency("token", 1, 100));
    created(store.insert(first, UNLIMITED, by("user:1", 0)).await)?;
    let before = Footprint::of(&store, &[&acme]).await?;

    let unlike = attempt(stage, &acme, idempotency("token", 2, 100));
    let refusal = store.insert(unlike, UNLIMITED, by("user:1", 1)).await;
    refused("another request under the token", &refusal, &Conflict::IdempotencyMismatch.into())?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn token_belongs_to_its_organization(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    for (owner, fingerprint) in [("acme", 1), ("globex", 1), ("initech", 2)] {
        let key = attempt(stage, &organization(owner), idempotency("token", fingerprint, 100));
        created(store.insert(key, UNLIMITED, by("user:1", 0)).await)?;
    }
    Ok(())
}

async fn token_is_answered_before_the_limit(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let first = attempt(stage, &acme, idempotency("token", 1, 100));
    let first = created(store.insert(first, KeyLimit::AtMost(1), by("user:1", 0)).await)?.value;
    for limit in [KeyLimit::AtMost(1), KeyLimit::AtMost(0)] {
        let again = attempt(stage, &acme, idempotency("token", 1, 100));
        let again = replayed(store.insert(again, limit, by("user:1", 1)).await)?;
        same("the key of a request that is repeated at the limit", again.id, first.id)?;
    }
    let unlike = attempt(stage, &acme, idempotency("token", 2, 100));
    let refusal = store.insert(unlike, KeyLimit::AtMost(1), by("user:1", 1)).await;
    refused("another request at the limit", &refusal, &Conflict::IdempotencyMismatch.into())
}

async fn token_is_forgotten_after_its_time(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let until = |seconds| attempt(stage, &acme, idempotency("token", 1, seconds));
    let first = created(store.insert(until(10), UNLIMITED, by("user:1", 0)).await)?.value;
    let again = replayed(store.insert(until(30), UNLIMITED, by("user:1", 10)).await)?;
    same("the key, in the last moment that the token is remembered", again.id, first.id)?;

    // Past its time the token is as good as new, whatever the request is.
    let unlike = attempt(stage, &acme, idempotency("token", 2, 20));
    let just_past = Timestamp::from_micros(at(10).as_micros() + 1);
    let past = Attribution { at: just_past, ..by("user:1", 0) };
    let second = created(store.insert(unlike, UNLIMITED, past).await)?.value;
    let again = attempt(stage, &acme, idempotency("token", 2, 20));
    let again = replayed(store.insert(again, UNLIMITED, by("user:1", 12)).await)?;
    same("the key that the token made the second time", again.id, second.id)?;
    created(store.insert(until(40), UNLIMITED, by("user:1", 21)).await)?;
    Ok(())
}

async fn refused_request_leaves_its_token_unused(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let taken = stage.key(&acme, 0);
    stage.stored_as(&store, taken.clone(), 0).await?;

    let limit = KeyLimit::AtMost(1);
    let key = attempt(stage, &acme, idempotency("token", 1, 100));
    let refusal = store.insert(key, limit, by("user:1", 1)).await;
    refused("a key at the limit", &refusal, &StoreError::LimitReached { limit })?;
    let key =
        NewKey { secret: taken.secret, ..attempt(stage, &acme, idempotency("token", 2, 100)) };
    let refusal = store.insert(key, UNLIMITED, by("user:1", 2)).await;
    refused("a hash that is taken", &refusal, &Conflict::DuplicateHash.into())?;

    let key = attempt(stage, &acme, idempotency("token", 3, 100));
    created(store.insert(key, UNLIMITED, by("user:1", 3)).await)?;
    Ok(())
}

async fn concurrent_requests_with_one_token_make_one_key(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    for round in 0..10 {
        let owner = organization(&format!("round-{round}"));
        // One slot: who comes second must be answered by the token, not refused by the limit.
        let limit = KeyLimit::AtMost(1 + round % 2);
        let answers = together((0..16).map(|caller| {
            let store = stores[caller % 2].clone();
            let key = attempt(stage, &owner, idempotency("token", 1, 100));
            async move { store.insert(key, limit, by("user:1", 0)).await }
        }))
        .await;

        let mut ids = Vec::new();
        let mut created = 0;
        for answer in answers {
            match answer? {
                Issued::New(made) => {
                    created += 1;
                    ids.push(made.value.id);
                }
                Issued::Replayed(key) => ids.push(key.id),
            }
        }
        same("how many of 16 callers created the key", created, 1)?;
        holds("all of them have the same key", ids.windows(2).all(|pair| pair[0] == pair[1]))?;
        same("the keys in use", stores[0].keys_in_use(&owner, at(0)).await?, 1)?;
    }
    Ok(())
}
