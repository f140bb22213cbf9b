//! Contract 10: errors are typed, and clean of key material. That they are typed is asked by every check that is
//! refused something; here it is their text.

use std::error::Error;

use keyfob_store::{KeyLimit, KeyStore, NewKey};

use crate::Failure;
use crate::check::{Check, checks};
use crate::failure::{Outcome, chain};
use crate::sample::{by, idempotency, organization, rotation};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 10:
    errors_hold_no_key_material,
    errors_of_rotations_and_imports_hold_no_key_material,
];

async fn errors_hold_no_key_material(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let first = NewKey { idempotency: idempotency("token", 1, 100), ..stage.key(&acme, 0) };
    stage.stored_as(&store, first.clone(), 0).await?;

    let other = |token| NewKey { idempotency: token, ..stage.key(&acme, 1) };
    for (key, limit) in [
        (NewKey { secret: first.secret, ..other(None) }, KeyLimit::Unlimited),
        (NewKey { id: first.id, ..other(None) }, KeyLimit::Unlimited),
        (other(None), KeyLimit::AtMost(0)),
        (other(idempotency("token", 2, 100)), KeyLimit::Unlimited),
    ] {
        match store.insert(key.clone(), limit, by("user:1", 1)).await {
            Ok(_) => return Err(Failure::new("an insertion", "a refusal", "Ok")),
            Err(error) => is_clean_of(&error, &key)?,
        }
    }
    Ok(())
}

async fn errors_of_rotations_and_imports_hold_no_key_material(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let [first, second] = [stage.key(&acme, 0), stage.key(&acme, 0)];
    stage.stored_as(&store, first.clone(), 0).await?;
    stage.stored_as(&store, second.clone(), 0).await?;

    let turn = rotation(first.secret, 100);
    match store.rotate(&acme, second.id, turn, by("user:1", 1)).await {
        Ok(_) => return Err(Failure::new("a rotation", "a refusal", "Ok")),
        Err(error) => is_clean_of(&error, &first)?,
    }
    for (key, limit) in [
        (NewKey { secret: first.secret, ..stage.key(&acme, 1) }, KeyLimit::Unlimited),
        (NewKey { id: first.id, ..stage.key(&acme, 1) }, KeyLimit::Unlimited),
        (stage.key(&acme, 1), KeyLimit::AtMost(0)),
    ] {
        match store.import(vec![key.clone()], limit, by("user:1", 1)).await {
            Ok(_) => return Err(Failure::new("an import", "a refusal", "Ok")),
            Err(error) => is_clean_of(&error, &key)?,
        }
    }
    Ok(())
}

fn is_clean_of(error: &(dyn Error + 'static), key: &NewKey) -> Outcome {
    let sources = std::iter::successors(Some(error), |error| (*error).source());
    let texts = sources.flat_map(|error| [error.to_string(), format!("{error:?}"), chain(error)]);
    let hash = key.secret.hash;
    let bytes = format!("{:?}", hash.as_bytes());
    let secrets = [
        // Eight digits are what a list may show; an error has no need of them.
        hash.to_string()[..8].to_owned(),
        hash.to_string()[56..].to_owned(),
        bytes.trim_matches(['[', ']']).to_owned(),
    ];
    for text in texts.map(|text| text.to_lowercase()) {
        if secrets.iter().any(|secret| text.contains(secret.as_str())) {
            return Err(Failure::new(
                "the text of an error",
                "nothing of the key's hash",
                "a part of it, which is not repeated here",
            ));
        }
    }
    Ok(())
}
