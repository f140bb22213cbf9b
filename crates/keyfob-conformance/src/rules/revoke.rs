//! Contract 4: revocation is final.

use keyfob_store::{
    Action, EventQuery, FoundState, KeyLimit, KeyRecord, KeyState, KeyStatus, KeyStore, NewKey,
    Revocation, StoreError,
};

use crate::check::{Check, checks};
use crate::failure::{Outcome, refused, same};
use crate::footprint::{Footprint, every_event, every_key};
use crate::sample::{actor, at, by, events, idempotency, keys, organization, reason};
use crate::stage::{Stage, together};

pub(crate) const CHECKS: &[Check] = checks![contract 4:
    revoked_key_tells_when_by_whom_and_why,
    reason_is_optional,
    revoking_again_keeps_the_first_story,
    revoking_again_logs_nothing,
    expired_key_can_be_revoked,
    unknown_key_is_not_found,
    nothing_brings_a_revoked_key_back,
    concurrent_revocations_agree_on_the_first,
];

async fn revoked_key_tells_when_by_whom_and_why(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let bystander = stage.stored(&store, &acme, 1).await?.value;
    let revocation =
        Revocation { at: at(5), by: actor("user:2"), reason: reason("found in a public commit") };
    let expected = KeyRecord { state: KeyState::Revoked(revocation.clone()), ..key.clone() };

    let revoked = store.revoke(&acme, key.id, revocation.reason, by("user:2", 5)).await?;
    same("what the revocation answers", &revoked.value, &expected)?;
    for store in [&store, &other] {
        same("what `get` reads", &store.get(&acme, key.id).await?, &expected)?;
        let listed = every_key(store, &acme, keys(200), at(6)).await?;
        same("the list", listed, vec![bystander.clone(), expected.clone()])?;
        let hash = key.secrets[0].hash;
        same("a lookup", store.find(&[hash]).await?.all()?, vec![expected.found_by(&hash)])?;
    }
    Ok(())
}

async fn reason_is_optional(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let expected = KeyState::Revoked(Revocation { at: at(1), by: actor("user:1"), reason: None });
    let revoked = store.revoke(&acme, key.id, None, by("user:1", 1)).await?.value;
    same("the state without a reason", &revoked.state, &expected)?;
    store.revoke(&acme, key.id, reason("too late"), by("user:1", 2)).await?;
    same("the state, later", store.get(&acme, key.id).await?.state, expected)
}

async fn revoking_again_keeps_the_first_story(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let first = store.revoke(&acme, key.id, reason("first"), by("user:1", 5)).await?.value;
    for (again, seconds) in [("second", 9), ("by a clock that lags", 1)] {
        let answer = store.revoke(&acme, key.id, reason(again), by("user:2", seconds)).await?;
        same("what a later revocation answers", &answer.value, &first)?;
        same("what is stored then", &store.get(&acme, key.id).await?, &first)?;
    }
    Ok(())
}

async fn revoking_again_logs_nothing(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    store.revoke(&acme, key.id, reason("first"), by("user:1", 1)).await?;
    let before = Footprint::of(&store, &[&acme]).await?;
    store.revoke(&acme, key.id, reason("second"), by("user:2", 2)).await?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn expired_key_can_be_revoked(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = NewKey { expires_at: Some(at(1)), ..stage.key(&acme, 0) };
    let key = stage.stored_as(&store, key, 0).await?.value;
    let revoked = store.revoke(&acme, key.id, None, by("user:1", 2)).await?.value;
    same("its status", revoked.status(at(2)), KeyStatus::Revoked)?;
    same("its expiry", revoked.expires_at, Some(at(1)))
}

async fn unknown_key_is_not_found(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    stage.stored(&store, &acme, 0).await?;
    let before = Footprint::of(&store, &[&acme]).await?;
    let unknown = stage.key(&acme, 0).id;
    let answer = store.revoke(&acme, unknown, None, by("user:1", 1)).await;
    refused("revoking a key that never was", &answer, &StoreError::NotFound)?;
    refused("reading it", &store.get(&acme, unknown).await, &StoreError::NotFound)?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn nothing_brings_a_revoked_key_back(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = NewKey { idempotency: idempotency("token", 1, 100), ..stage.key(&acme, 0) };
    let id = stage.stored_as(&store, key.clone(), 0).await?.value.id;
    let revoked = store.revoke(&acme, id, reason("leaked"), by("user:1", 1)).await?.value;

    // Whatever these answer, they do not answer with life: the same request again, before and
    // after its token is forgotten, the same secret under a new id, and the same id with a new secret.
    let anew = |token| NewKey { idempotency: token, ..stage.key(&acme, 0) };
    let attempts = [
        (key.clone(), 2),
        (key.clone(), 200),
        (NewKey { secret: key.secret, ..anew(None) }, 3),
        (NewKey { id, ..anew(None) }, 4),
        (NewKey { id, ..anew(idempotency("token", 1, 300)) }, 201),
    ];
    for (attempt, seconds) in attempts {
        for store in [&store, &other] {
            let by = by("user:1", seconds);
            drop(store.insert(attempt.clone(), KeyLimit::Unlimited, by).await);
        }
        same("the revoked key", &other.get(&acme, id).await?, &revoked)?;
        let found = store.find(&[key.secret.hash]).await?.all()?.pop().flatten();
        let found = found.map(|key| (key.id, key.state));
        same("the state that is found", found, Some((id, FoundState::Revoked)))?;
    }
    Ok(())
}

async fn concurrent_revocations_agree_on_the_first(stage: &Stage) -> Outcome {
    let stores = stage.open_two().await?;
    let acme = organization("acme");
    for _ in 0..10 {
        let key = stage.stored(&stores[0], &acme, 0).await?.value.id;
        let answers = together((0..16_u8).map(|caller| {
            let (store, acme) = (stores[usize::from(caller % 2)].clone(), acme.clone());
            let by = by(&format!("user:{caller}"), 100 - i64::from(caller));
            let reason = reason(&format!("reason {caller}"));
            async move { store.revoke(&acme, key, reason, by).await }
        }))
        .await;

        let revoked = stores[0].get(&acme, key).await?;
        for answer in answers {
            same("what each caller was answered", &answer?.value, &revoked)?;
        }
        let query = EventQuery { key: Some(key), action: Some(Action::KEY_REVOKED), ..events(200) };
        let logged = every_event(&stores[1], &acme, query).await?;
        let logged: Vec<_> =
            logged.into_iter().map(|event| (event.at, event.actor, event.details)).collect();
        let KeyState::Revoked(first) = revoked.state else {
            return same("the state", revoked.state, KeyState::Disabled);
        };
        let details = first.details();
        same("the one revocation that is logged", logged, vec![(first.at, first.by, details)])?;
    }
    Ok(())
}
