use keyfob::{Actor, KeyId, KeyState};

use super::*;

const T: [Option<i64>; 3] = [Some(10), Some(20), None];

fn record(environment: Environment, scopes: &str, expires_at: Option<i64>) -> KeyRecord {
    KeyRecord {
        id: KeyId::new(Timestamp::from_micros(0), [0; 8]),
        organization: "acme".parse().unwrap(),
        name: "a key".parse().unwrap(),
        environment,
        scopes: ScopeNames::parse(scopes).unwrap(),
        state: KeyState::Disabled,
        created_at: Timestamp::from_micros(0),
        created_by: Actor::new("cli").unwrap(),
        expires_at: expires_at.map(Timestamp::from_micros),
        secrets: Vec::new(),
    }
}

/// Scopes from few to many; the last one is of another release.
const SCOPES: [&str; 5] =
    ["org:read", "org:write", "org:read org:write", "org:read shield:read", "org:read new:scope"];

fn records() -> Vec<KeyRecord> {
    let mut records = Vec::new();
    for environment in [Environment::Test, Environment::Live] {
        for scopes in SCOPES {
            records.extend(T.map(|end| record(environment, scopes, end)));
        }
    }
    records
}

/// Whether the first key may do no more than the second: said once more, by other means.
fn is_within(key: &KeyRecord, grantor: &KeyRecord) -> bool {
    is_narrower(key, grantor) && key.scopes.iter().all(|name| name != "new:scope")
}

fn is_narrower(key: &KeyRecord, grantor: &KeyRecord) -> bool {
    let end = |key: &KeyRecord| key.expires_at.map_or(i64::MAX, Timestamp::as_micros);
    (grantor.environment == Environment::Live || key.environment == Environment::Test)
        && key.scopes.iter().all(|name| grantor.scopes.iter().any(|own| own == name))
        && end(key) <= end(grantor)
}

#[test]
fn key_gives_no_key_more_than_it_has() {
    for own in records() {
        let grantor = Grantor::of_key(&own);
        for key in records() {
            let allowed = is_within(&key, &own);
            assert_eq!(grantor.check_new(Power::of(&key)).is_ok(), allowed, "{own:?} {key:?}");
            assert_eq!(grantor.check_rotation(&key).is_ok(), allowed, "{own:?} {key:?}");
            assert_eq!(grantor.check_enabling(&key).is_ok(), allowed, "{own:?} {key:?}");
        }
    }
}

#[test]
fn edit_narrows_or_stays_within_the_grantor() {
    for own in records() {
        let grantor = Grantor::of_key(&own);
        for before in records() {
            for after in records().iter().filter(|after| after.environment == before.environment) {
                let edit = KeyEdit {
                    name: None,
                    scopes: (after.scopes != before.scopes).then(|| after.scopes.clone()),
                    expires_at: (after.expires_at != before.expires_at).then_some(after.expires_at),
                };
                if grantor.check_edit(&before, &edit).is_ok() {
                    assert!(
                        is_within(after, &own) || is_narrower(after, &before),
                        "{own:?} {before:?} {after:?}"
                    );
                }
                if is_within(after, &own) && is_within(&before, &own) {
                    assert!(grantor.check_edit(&before, &edit).is_ok());
                }
            }
        }
    }
}

#[test]
fn key_can_not_widen_itself() {
    for own in records() {
        let grantor = Grantor::of_key(&own);
        for after in records().iter().filter(|after| after.environment == own.environment) {
            let edit = KeyEdit {
                name: None,
                scopes: Some(after.scopes.clone()),
                expires_at: Some(after.expires_at),
            };
            assert_eq!(grantor.check_edit(&own, &edit).is_ok(), is_within(after, &own));
        }
    }
}

#[test]
fn person_grants_by_their_role() {
    let plain = record(Environment::Live, "shield:read", None);
    let managing = record(Environment::Live, "shield:read org:write", None);
    let unknown = record(Environment::Live, "shield:read new:scope", Some(10));
    let prolong = KeyEdit { expires_at: Some(None), ..KeyEdit::default() };
    let shorten =
        KeyEdit { expires_at: Some(Some(Timestamp::from_micros(5))), ..KeyEdit::default() };
    for (role, key, allowed) in [
        (Role::Viewer, &plain, false),
        (Role::Member, &plain, true),
        (Role::Member, &managing, false),
        (Role::Admin, &managing, true),
        (Role::Owner, &managing, true),
        (Role::Owner, &unknown, false),
    ] {
        let person = Grantor::person(role);
        assert_eq!(person.check_new(Power::of(key)).is_ok(), allowed, "{role}");
        assert_eq!(person.check_rotation(key).is_ok(), allowed, "{role}");
        assert_eq!(person.check_enabling(key).is_ok(), allowed, "{role}");
        let ending = KeyRecord { expires_at: Some(Timestamp::from_micros(10)), ..key.clone() };
        assert_eq!(person.check_edit(&ending, &prolong).is_ok(), allowed, "{role}");
        assert!(person.check_edit(&ending, &shorten).is_ok(), "{role}");
    }
}
