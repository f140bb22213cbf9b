//! Contract 11: a rotation that is asked for twice is made once.

use keyfob_store::{Conflict, Idempotency, KeyLimit, KeyStore, NewKey, Rotation};

use crate::check::{Check, checks};
use crate::failure::{Outcome, created, refused, replayed, same};
use crate::footprint::Footprint;
use crate::sample::{by, idempotency, organization, rotation};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 11:
    repeated_rotation_answers_with_the_key,
    replayed_rotation_shows_the_key_as_it_is_now,
    rotation_token_of_another_request_is_a_conflict,
    creation_and_rotation_share_their_tokens,
    rotation_token_belongs_to_its_organization,
    refused_rotation_leaves_its_token_unused,
    rotation_token_is_forgotten_after_its_time,
];

/// A rotation with a new secret, as a service makes of every request, repeated or not.
fn turn(stage: &Stage, token: Option<Idempotency>) -> Rotation {
    Rotation { idempotency: token, ..rotation(stage.secret(), 0) }
}

async fn repeated_rotation_answers_with_the_key(stage: &Stage) -> Outcome {
    let [store, other] = stage.open_two().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    let first = turn(stage, idempotency("token", 1, 100));
    let first = created(store.rotate(&acme, key, first, by("user:1", 1)).await)?.value;

    let before = Footprint::of(&store, &[&acme]).await?;
    for store in [&store, &other] {
        let again = turn(stage, idempotency("token", 1, 200));
        let hash = again.secret.hash;
        let again = replayed(store.rotate(&acme, key, again, by("user:1", 2)).await)?;
        same("the key that a repeated rotation is answered with", &again, &first)?;
        same("what the second hash finds", store.find(&[hash]).await?.all()?, vec![None])?;
    }
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn replayed_rotation_shows_the_key_as_it_is_now(stage: &Stage) -> Outcome {
    // Twice the answer would be a refusal, if the token were not looked at first.
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    let attempt =
        || Rotation { idempotency: idempotency("token", 1, 100), ..rotation(stage.secret(), 50) };
    created(store.rotate(&acme, key, attempt(), by("user:1", 1)).await)?;
    let retired = store.retire_old_secret(&acme, key, by("user:1", 2)).await?.value;
    let again = replayed(store.rotate(&acme, key, attempt(), by("user:1", 3)).await)?;
    same("the key, whose old secret was retired in between", again, retired)?;
    let revoked = store.revoke(&acme, key, None, by("user:1", 4)).await?.value;
    let again = replayed(store.rotate(&acme, key, attempt(), by("user:1", 5)).await)?;
    same("the key, which was revoked in between", again, revoked)
}

async fn rotation_token_of_another_request_is_a_conflict(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    let first = turn(stage, idempotency("token", 1, 100));
    created(store.rotate(&acme, key, first, by("user:1", 1)).await)?;
    let before = Footprint::of(&store, &[&acme]).await?;
    let unlike = turn(stage, idempotency("token", 2, 100));
    let refusal = store.rotate(&acme, key, unlike, by("user:1", 2)).await;
    refused("another request under the token", &refusal, &Conflict::IdempotencyMismatch.into())?;
    same("what is stored", Footprint::of(&store, &[&acme]).await?, before)
}

async fn creation_and_rotation_share_their_tokens(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let new = |token| NewKey { idempotency: token, ..stage.key(&acme, 0) };
    let key = stage.stored_as(&store, new(idempotency("creation", 1, 100)), 0).await?.value.id;
    let first = turn(stage, idempotency("rotation", 2, 100));
    let turned = created(store.rotate(&acme, key, first, by("user:1", 1)).await)?.value;

    let mismatch = Conflict::IdempotencyMismatch.into();
    let unlike = turn(stage, idempotency("creation", 3, 100));
    let refusal = store.rotate(&acme, key, unlike, by("user:1", 2)).await;
    refused("a rotation under a creation's token", &refusal, &mismatch)?;
    let unlike = new(idempotency("rotation", 3, 100));
    let refusal = store.insert(unlike, KeyLimit::Unlimited, by("user:1", 2)).await;
    refused("a creation under a rotation's token", &refusal, &mismatch)?;
    let again = new(idempotency("creation", 1, 100));
    let again = replayed(store.insert(again, KeyLimit::Unlimited, by("user:1", 3)).await)?;
    same("the created key, which was rotated in between", again, turned)
}

async fn rotation_token_belongs_to_its_organization(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    for (owner, fingerprint) in [("acme", 1), ("globex", 1), ("initech", 2)] {
        let owner = organization(owner);
        let key = stage.stored(&store, &owner, 0).await?.value.id;
        let turn = turn(stage, idempotency("token", fingerprint, 100));
        let turned = created(store.rotate(&owner, key, turn, by("user:1", 1)).await)?.value;
        same("the key that is rotated", turned.id, key)?;
    }
    Ok(())
}

async fn refused_rotation_leaves_its_token_unused(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value;
    let first = rotation(stage.secret(), 50);
    created(store.rotate(&acme, key.id, first, by("user:1", 1)).await)?;

    let still = turn(stage, idempotency("token", 1, 100));
    let refusal = store.rotate(&acme, key.id, still, by("user:1", 2)).await;
    same("a third secret is refused", refusal.is_err(), true)?;
    let unknown = stage.key(&acme, 0).id;
    let lost = turn(stage, idempotency("token", 2, 100));
    let refusal = store.rotate(&acme, unknown, lost, by("user:1", 2)).await;
    same("a rotation of an unknown key is refused", refusal.is_err(), true)?;

    let good = turn(stage, idempotency("token", 3, 100));
    created(store.rotate(&acme, key.id, good, by("user:1", 50)).await)?;
    Ok(())
}

async fn rotation_token_is_forgotten_after_its_time(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let key = stage.stored(&store, &acme, 0).await?.value.id;
    let rotate = |fingerprint, until, seconds| {
        let turn = turn(stage, idempotency("token", fingerprint, until));
        store.rotate(&acme, key, turn, by("user:1", seconds))
    };
    let first = created(rotate(1, 10, 1).await)?.value;
    let again = replayed(rotate(1, 30, 10).await)?;
    same("the key, in the last moment that the token is remembered", again, first)?;
    let second = created(rotate(2, 20, 11).await)?.value;
    same("the newest secret", second.secrets[0].generation, 3)?;
    replayed(rotate(2, 20, 20).await)?;
    Ok(())
}
