//! Contract 9: what is answered with `Ok` is stored as it was given, however odd it looks.

use keyfob_store::{
    Action, Attribution, Author, Details, KeyHash, KeyId, KeyLimit, KeyState, KeyStatus, KeyStore,
    NewEvent, NewKey, OrganizationId, RequestId, Revocation, Rotation, ScopeNames, Switch,
    Timestamp,
};
use serde_json::{Value, json};

use crate::check::{Check, checks};
use crate::failure::{Outcome, created, replayed, same};
use crate::footprint::{every_event, every_key};
use crate::sample::{
    actor, at, by, events, expiring, idempotency, keys, keys_that_are, organization, rotation,
};
use crate::stage::Stage;

pub(crate) const CHECKS: &[Check] = checks![contract 9:
    odd_texts_read_back,
    longest_texts_read_back,
    times_at_the_edge_read_back,
    changes_at_the_edge_of_time_read_back,
    scope_names_read_back,
    extreme_ids_and_hashes_read_back,
    details_read_back,
];

/// Lines that are quoted, encoded, trimmed, normalized or collated wrongly by some.
const ODD: [&str; 12] = [
    "'; DROP TABLE keys; --",
    "\"quoted\" `ticked` \\escaped\\ %s $1 ?1 {} {{}}",
    " led and trailed by spaces ",
    "two  spaces",
    "Straße, ΣΊΣΥΦΟΣ, İstanbul",
    "e\u{301} is not \u{e9}",
    "🔑🧑‍🔧",
    "\u{202e}right to left",
    "zero\u{200b}width",
    "\u{feff}mark",
    "\u{10ffff}",
    "NULL",
];

async fn odd_texts_read_back(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    for text in ODD {
        let name = text.parse().expect("an odd text is a name");
        let by = by(text, 0);
        let key = NewKey { name, ..stage.key(&acme, 0) };
        let expected = key.clone().into_record(&by);
        created(store.insert(key, KeyLimit::Unlimited, by.clone()).await)?;
        let read = store.get(&acme, expected.id).await?;
        same("a name", read.name.as_str(), text)?;
        same("a key", &read, &expected)?;

        let reason = Some(text.parse().expect("an odd text is a reason"));
        let revoked = KeyState::Revoked(Revocation::new(reason.clone(), &by));
        store.revoke(&acme, expected.id, reason, by).await?;
        same("a revocation", store.get(&acme, expected.id).await?.state, revoked)?;
        let logged = store.events(&acme, events(2)).await?.items;
        let logged: Vec<_> = logged
            .iter()
            .map(|event| (event.actor.as_str(), event.details.get("reason")))
            .collect();
        same("its events", logged, vec![(text, Some(&json!(text))), (text, None)])?;
    }
    Ok(())
}

async fn longest_texts_read_back(stage: &Stage) -> Outcome {
    // Characters of four bytes each, where more than ASCII is allowed.
    let store = stage.open().await?;
    let owner = OrganizationId::new(&"~".repeat(128)).expect("an id of 128 characters");
    let long = |characters| "\u{1f511}".repeat(characters);
    let request = RequestId::new(&"!".repeat(128)).expect("a request id of 128 characters");
    let by = Author::from(actor(&long(255))).with_request_id(request).at(at(0));
    let attempt = || NewKey {
        name: long(255).parse().expect("a name of 255 characters"),
        idempotency: idempotency(&"{".repeat(255), 0xff, 100),
        ..stage.key(&owner, 0)
    };
    let key = attempt();
    let expected = key.clone().into_record(&by);
    created(store.insert(key, KeyLimit::Unlimited, by.clone()).await)?;
    let again = store.insert(attempt(), KeyLimit::Unlimited, by.clone()).await;
    same("what the longest token made", replayed(again)?, expected.clone())?;
    same("the key", &store.get(&owner, expected.id).await?, &expected)?;

    let reason = long(500).parse().expect("a reason of 500 characters");
    let revoked = store.revoke(&owner, expected.id, Some(reason), by.clone()).await?.value;
    same("the revoked key", &store.get(&owner, expected.id).await?, &revoked)?;
    let logged = every_event(&store, &owner, events(200)).await?;
    let logged: Vec<_> = logged.into_iter().map(|event| (event.actor, event.request_id)).collect();
    same("who is logged", logged, vec![(by.author.actor, by.author.request_id); 2])
}

async fn times_at_the_edge_read_back(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let edges = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for edge in edges.map(Timestamp::from_micros) {
        let by = Attribution { at: edge, ..by("user:1", 0) };
        let key = NewKey { expires_at: Some(edge), ..stage.key(&acme, 0) };
        let expected = key.clone().into_record(&by);
        let made = created(store.insert(key, KeyLimit::AtMost(1), by.clone()).await)?.value;
        same("a key made at the moment of its expiry", &made, &expected)?;
        same("the key", &store.get(&acme, made.id).await?, &expected)?;
        let revoked = store.revoke(&acme, made.id, None, by).await?.value;
        same("the revoked key", &store.get(&acme, made.id).await?, &revoked)?;
        let logged = store.events(&acme, events(2)).await?.items;
        let times: Vec<_> = logged.iter().map(|event| event.at).collect();
        same("the times of its events", times, vec![edge; 2])?;
        let expiry = logged[1].details.get("expires_at");
        same("its expiry in the log", expiry, Some(&edge.as_micros().into()))?;
        for time in edges.map(Timestamp::from_micros) {
            same("keys in use", store.keys_in_use(&acme, time).await?, 0)?;
        }
    }
    Ok(())
}

async fn changes_at_the_edge_of_time_read_back(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let edges = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for edge in edges.map(Timestamp::from_micros) {
        let owner = organization(&format!("edge{}", edge.as_micros()));
        let by = || Attribution { at: edge, ..by("user:1", 0) };
        let key = stage.key(&owner, 0);
        let id = key.id;
        created(store.insert(key, KeyLimit::AtMost(1), by()).await)?;
        let first = Rotation { overlap_ends: Timestamp::MAX, ..rotation(stage.secret(), 0) };
        let turned = created(store.rotate(&owner, id, first, by()).await)?.value;
        same("the end of the overlap", turned.secrets[1].retires_at, Some(Timestamp::MAX))?;
        let retired = store.retire_old_secret(&owner, id, by()).await?.value;
        same("when it was retired", retired.secrets[1].retires_at, Some(edge))?;
        store.switch(&owner, id, Switch::Off, by()).await?;
        let limit = KeyLimit::AtMost(1);
        let edited = store.edit(&owner, id, expiring(Some(edge)), limit, by()).await?.value;
        same("the stored key", &store.get(&owner, id).await?, &edited)?;
        for time in edges.map(Timestamp::from_micros) {
            let live = u64::from(time < edge);
            same("keys in use", store.keys_in_use(&owner, time).await?, live)?;
            for status in KeyStatus::ALL {
                let listed = every_key(&store, &owner, keys_that_are(9, Some(status), None), time);
                let expected = usize::from(edited.status(time) == status);
                same("keys of a status", listed.await?.len(), expected)?;
            }
        }
        let logged = every_event(&store, &owner, events(200)).await?;
        let times: Vec<_> = logged.iter().map(|event| event.at).collect();
        let changes = if edge == Timestamp::MAX { 4 } else { 5 };
        same("the times of its events", times, vec![edge; changes])?;
    }
    Ok(())
}

async fn scope_names_read_back(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let many: Vec<String> = (0..128).map(|number| format!("resource_{number}:action")).collect();
    for scopes in ["", "z:last a:first", "never:heard_of", "é:ü", &many.join(" ")] {
        let scopes = ScopeNames::parse(scopes).expect("a check's own scopes are names");
        let key = NewKey { scopes: scopes.clone(), ..stage.key(&acme, 0) };
        let id = stage.stored_as(&store, key, 0).await?.value.id;
        same("the scopes, unknown ones included", store.get(&acme, id).await?.scopes, scopes)?;
    }
    Ok(())
}

async fn extreme_ids_and_hashes_read_back(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let mut expected = Vec::new();
    for byte in [0x00, 0x7f, 0x80, 0xff] {
        let mut key = stage.key(&acme, 0);
        key.id = KeyId::from_bytes([byte; 16]);
        key.secret.hash = KeyHash::from_bytes([byte; 32]);
        let hash = key.secret.hash;
        let key = stage.stored_as(&store, key, 0).await?.value;
        same("the key", &store.get(&acme, key.id).await?, &key)?;
        same("what is found", store.find(&[hash]).await?.all()?, vec![key.found_by(&hash)])?;
        expected.insert(0, key);
    }
    let listed = every_key(&store, &acme, keys(1), at(0)).await?;
    same("the list, by the bytes of the ids", listed, expected)
}

async fn details_read_back(stage: &Stage) -> Outcome {
    let store = stage.open().await?;
    let acme = organization("acme");
    let details = [
        json!({}),
        json!({ "": null, "a b": [1, [2, [3, {}]]], "ключ": { "nested": { "deeply": [true] } } }),
        json!({ "numbers": [u64::MAX, i64::MIN, 0, -1, 0.5, 1e300] }),
        json!({ "texts": ODD, "controls": "\u{0}\u{1}\n\t\u{7f}" }),
        json!({ "long": "x".repeat(10_000) }),
    ];
    for details in details {
        let Value::Object(details) = details else { continue };
        let action = Action::custom("plan.changed").expect("a check's own action is one");
        let details: Details = details;
        let event = NewEvent { organization: acme.clone(), action, details: details.clone() };
        let appended = store.append_event(event, by("user:1", 0)).await?;
        same("what appending answers", &appended.details, &details)?;
        let logged = store.events(&acme, events(1)).await?.items;
        same("the event", logged, vec![appended])?;
    }
    Ok(())
}
