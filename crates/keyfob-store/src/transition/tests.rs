use std::time::Duration;

use crate::{Actor, Author, Environment, KeyHash, KeyId, NewKey, NewSecret, ScopeNames};

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_704_067_200_000_000).saturating_add(Duration::from_secs(seconds))
}

fn by(seconds: u64) -> Attribution {
    Author::from(Actor::new("user:1").unwrap()).at(at(seconds))
}

fn secret(byte: u8) -> NewSecret {
    NewSecret {
        hash: KeyHash::from_bytes([byte; 32]),
        hint: format!("tk_live_{byte:08x}").parse().unwrap(),
    }
}

/// A key whose only secret is number 1, made at second 0.
fn key() -> KeyRecord {
    let key = NewKey {
        id: KeyId::new(at(0), [7; 8]),
        organization: "acme".parse().unwrap(),
        name: "ci".parse().unwrap(),
        environment: Environment::Live,
        scopes: ScopeNames::parse("org:read org:write").unwrap(),
        expires_at: None,
        secret: secret(1),
        idempotency: None,
    };
    key.into_record(&by(0))
}

fn rotation(byte: u8, overlap_ends: Timestamp) -> Rotation {
    Rotation { secret: secret(byte), overlap_ends, idempotency: None }
}

/// Rotates at a second, with an overlap up to another.
fn rotate(key: &mut KeyRecord, byte: u8, seconds: u64, ends: u64) -> Result<LogEntry, Conflict> {
    key.rotate(&rotation(byte, at(ends)), &by(seconds))
}

fn revoked() -> KeyRecord {
    let mut key = key();
    key.revoke(None, &by(1)).unwrap();
    key
}

fn details(entry: &LogEntry) -> Value {
    entry.details.clone().into()
}

/// The secrets, newest first: which they are, and when they retire.
fn secrets(key: &KeyRecord) -> Vec<(u32, KeyHash, Option<Timestamp>)> {
    key.secrets.iter().map(|secret| (secret.generation, secret.hash, secret.retires_at)).collect()
}

fn hash(byte: u8) -> KeyHash {
    secret(byte).hash
}

#[test]
fn rotation_adds_a_secret_and_gives_the_old_one_an_end() {
    let mut key = key();
    let before = key.clone();
    let entry = rotate(&mut key, 2, 10, 60).unwrap();
    assert_eq!(secrets(&key), [(2, hash(2), None), (1, hash(1), Some(at(60)))]);
    assert_eq!((key.secrets[0].created_at, key.secrets[0].last_used_at), (at(10), None));
    assert_eq!(KeyRecord { secrets: before.secrets.clone(), ..key }, before);
    assert_eq!(entry.action, Action::KEY_ROTATED);
    let expected = json!({ "generation": 2, "overlap_ends": at(60).as_micros() });
    assert_eq!(details(&entry), expected);
}

#[test]
fn overlap_never_ends_before_it_begins() {
    for ends in [at(10), at(9), Timestamp::from_micros(i64::MIN)] {
        let mut key = key();
        let entry = key.rotate(&rotation(2, ends), &by(10)).unwrap();
        assert_eq!(secrets(&key)[1], (1, hash(1), Some(at(10))));
        assert_eq!(entry.details["overlap_ends"], at(10).as_micros());
        rotate(&mut key, 3, 10, 10).unwrap();
    }
}

#[test]
fn third_secret_waits_until_the_overlap_is_over() {
    let mut key = key();
    rotate(&mut key, 2, 10, 60).unwrap();
    let before = key.clone();
    for seconds in [0, 10, 59] {
        let refused = rotate(&mut key, 3, seconds, 900);
        assert_eq!(refused, Err(Conflict::StillRotating { until: at(60) }), "{seconds}");
        assert_eq!(key, before);
    }
    rotate(&mut key, 3, 60, 90).unwrap();
    assert_eq!(secrets(&key), [(3, hash(3), None), (2, hash(2), Some(at(90)))]);
}

#[test]
fn record_holds_two_secrets_however_often_it_is_rotated() {
    let mut key = key();
    for turn in 2..=9 {
        rotate(&mut key, turn, u64::from(turn), 0).unwrap();
        assert_eq!(key.secrets.len(), 2);
        assert_eq!(key.secrets[0].generation, u32::from(turn));
        assert_eq!(key.secrets[1].generation, u32::from(turn) - 1);
    }
}

#[test]
fn last_use_stays_with_its_secret() {
    let mut key = key();
    key.secrets[0].last_used_at = Some(at(5));
    rotate(&mut key, 2, 10, 60).unwrap();
    assert_eq!(key.secrets[1].last_used_at, Some(at(5)));
}

#[test]
fn overlap_may_last_for_ever_and_be_ended_all_the_same() {
    let mut key = key();
    key.rotate(&rotation(2, Timestamp::MAX), &by(10)).unwrap();
    let refused = rotate(&mut key, 3, 20, 0);
    assert_eq!(refused, Err(Conflict::StillRotating { until: Timestamp::MAX }));
    key.retire_old_secret(&by(20)).unwrap().unwrap();
    rotate(&mut key, 3, 20, 0).unwrap();
}

#[test]
fn retiring_ends_the_overlap_now() {
    let mut key = key();
    rotate(&mut key, 2, 10, 60).unwrap();
    let entry = key.retire_old_secret(&by(20)).unwrap().unwrap();
    assert_eq!(secrets(&key), [(2, hash(2), None), (1, hash(1), Some(at(20)))]);
    assert_eq!(
        (entry.action.clone(), details(&entry)),
        (Action::KEY_RETIRED, json!({ "generation": 1 }))
    );
}

#[test]
fn retiring_is_nothing_when_no_overlap_goes_on() {
    let never = key();
    let mut over = key();
    rotate(&mut over, 2, 10, 60).unwrap();
    let mut retired = over.clone();
    retired.retire_old_secret(&by(20)).unwrap();
    for (mut key, seconds) in [(never, 5), (over.clone(), 60), (over, 61), (retired, 20)] {
        let before = key.clone();
        assert_eq!(key.retire_old_secret(&by(seconds)), Ok(None));
        assert_eq!(key, before);
    }
}

#[test]
fn switch_goes_both_ways_and_says_so_once() {
    let mut key = key();
    assert_eq!(key.switch(Switch::On), Ok(None));
    let off = key.switch(Switch::Off).unwrap().unwrap();
    assert_eq!((key.state.clone(), off.action), (KeyState::Disabled, Action::KEY_DISABLED));
    assert_eq!(key.switch(Switch::Off), Ok(None));
    let on = key.switch(Switch::On).unwrap().unwrap();
    assert_eq!((key.state, on.action), (KeyState::Active, Action::KEY_ENABLED));
    assert!(off.details.is_empty() && on.details.is_empty());
}

#[test]
fn edit_tells_what_changed_and_nothing_else() {
    let mut key = key();
    let edit = KeyEdit {
        name: Some("ci".parse().unwrap()),
        scopes: Some(ScopeNames::parse("org:read").unwrap()),
        expires_at: Some(Some(at(99))),
    };
    let entry = key.edit(edit).unwrap().unwrap();
    assert_eq!(entry.action, Action::KEY_EDITED);
    let expected = json!({
        "scopes": { "from": ["org:read", "org:write"], "to": ["org:read"] },
        "expires_at": { "from": null, "to": at(99).as_micros() },
    });
    assert_eq!(details(&entry), expected);
    assert_eq!((key.scopes.as_str(), key.expires_at), ("org:read", Some(at(99))));

    let edit = KeyEdit { name: Some("prod".parse().unwrap()), ..KeyEdit::default() };
    let entry = key.edit(edit).unwrap().unwrap();
    assert_eq!(details(&entry), json!({ "name": { "from": "ci", "to": "prod" } }));
    let edit = KeyEdit { expires_at: Some(None), ..KeyEdit::default() };
    let entry = key.edit(edit).unwrap().unwrap();
    let expected = json!({ "expires_at": { "from": at(99).as_micros(), "to": null } });
    assert_eq!((details(&entry), key.expires_at), (expected, None));
}

#[test]
fn edit_that_changes_nothing_is_nothing() {
    let mut key = key();
    let same = KeyEdit {
        name: Some(key.name.clone()),
        scopes: Some(key.scopes.clone()),
        expires_at: Some(key.expires_at),
    };
    for edit in [KeyEdit::default(), same] {
        assert_eq!(key.edit(edit), Ok(None));
    }
}

#[test]
fn order_of_scopes_is_a_change_that_is_told() {
    // The stored form is what a store compares, so what it keeps and what is told agree.
    let mut key = key();
    let scopes = ScopeNames::parse("org:write org:read").unwrap();
    let entry = key.edit(KeyEdit { scopes: Some(scopes.clone()), ..KeyEdit::default() });
    assert!(entry.unwrap().is_some());
    assert_eq!(key.scopes, scopes);
}

#[test]
fn first_revocation_stays() {
    let mut key = key();
    let entry = key.revoke(Some("leaked".parse().unwrap()), &by(5)).unwrap();
    assert_eq!(entry.action, Action::KEY_REVOKED);
    assert_eq!(details(&entry), json!({ "reason": "leaked" }));
    let first = key.clone();
    assert_eq!(key.revoke(Some("again".parse().unwrap()), &by(9)), None);
    assert_eq!(key.revoke(None, &by(1)), None);
    assert_eq!(key, first);
}

#[test]
fn revoked_key_refuses_every_change() {
    let mut key = revoked();
    let renamed = KeyEdit { name: Some("prod".parse().unwrap()), ..KeyEdit::default() };
    assert_eq!(rotate(&mut key, 2, 10, 60), Err(Conflict::Revoked));
    assert_eq!(key.retire_old_secret(&by(10)), Err(Conflict::Revoked));
    assert_eq!(key.switch(Switch::On), Err(Conflict::Revoked));
    assert_eq!(key.switch(Switch::Off), Err(Conflict::Revoked));
    assert_eq!(key.edit(renamed), Err(Conflict::Revoked));
    assert_eq!(key.edit(KeyEdit::default()), Err(Conflict::Revoked));
    assert_eq!(key, revoked());
}

#[test]
fn disabled_key_can_be_rotated_edited_and_revoked() {
    let mut key = key();
    key.switch(Switch::Off).unwrap();
    rotate(&mut key, 2, 10, 60).unwrap();
    key.retire_old_secret(&by(20)).unwrap().unwrap();
    let edit = KeyEdit { expires_at: Some(Some(at(99))), ..KeyEdit::default() };
    key.edit(edit).unwrap().unwrap();
    assert_eq!(key.state, KeyState::Disabled);
    assert!(key.revoke(None, &by(30)).is_some());
}
