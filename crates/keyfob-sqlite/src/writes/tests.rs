//! How much is written, which no answer tells.

use keyfob_store::{
    Actor, Attribution, Author, Environment, Hour, KeyHash, KeyId, KeyLimit, NewKey, NewSecret,
    OrganizationId, Outcome, ScopeNames, Timestamp, UsageBatch, UsageCount,
};

use super::Writes;
use crate::{SqliteOptions, connection, schema};

const NOW: Timestamp = Timestamp::from_micros(0);

fn organization() -> OrganizationId {
    "acme".parse().unwrap()
}

fn by() -> Attribution {
    Author::from(Actor::new("cli").unwrap()).at(Timestamp::from_micros(0))
}

fn new_key(number: u8) -> NewKey {
    NewKey {
        id: KeyId::from_bytes([number; 16]),
        organization: organization(),
        name: "ci".parse().unwrap(),
        environment: Environment::Live,
        scopes: ScopeNames::default(),
        expires_at: None,
        secret: NewSecret {
            hash: KeyHash::from_bytes([number; 32]),
            hint: "tk_live_".parse().unwrap(),
        },
        idempotency: None,
    }
}

/// How many rows a write changes in a store with so many keys, each of which was used.
fn rows_changed(keys: u8, write: impl FnOnce(&mut Writes<'_>)) -> i64 {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(directory.path().join("app.db"));
    let connection = connection::open(&options).unwrap();
    schema::prepare(&connection, &options).unwrap();
    let mut writes = Writes::prepare(&connection, options.table_prefix()).unwrap();
    writes.import((0..keys).map(new_key).collect(), KeyLimit::Unlimited, &by()).unwrap();
    writes.record_usage(&batch(1, keys), NOW).unwrap();
    let changes =
        || connection.query_row("SELECT total_changes()", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = changes();
    write(&mut writes);
    changes() - before
}

fn batch(id: u8, keys: u8) -> UsageBatch {
    let count = |number| UsageCount {
        organization: organization(),
        key: KeyId::from_bytes([number; 16]),
        secret: 1,
        hour: Hour::from_number(5),
        outcome: Outcome::Accepted,
        count: 1,
        last_at: Timestamp::from_micros(0),
    };
    UsageBatch {
        id: [id; 16],
        at: Timestamp::from_micros(0),
        counts: (0..keys).map(count).collect(),
    }
}

#[test]
fn deletion_of_an_organization_does_not_grow_with_its_keys() {
    for keys in [0, 1, 200] {
        let rows = rows_changed(keys, |writes| {
            writes.delete_organization(&organization(), &by()).unwrap();
        });
        assert_eq!(rows, 2, "the event and the epoch, with {keys} keys");
    }
}

#[test]
fn batch_that_is_sent_again_writes_nothing() {
    let again = |id| rows_changed(3, |writes| writes.record_usage(&batch(id, 3), NOW).unwrap());
    assert_eq!(again(1), 0);
    // The batch and a sum for each key: none of them was used later than before.
    assert_eq!(again(2), 4);
}

#[test]
fn batch_is_forgotten_when_both_clocks_say_that_its_day_is_over() {
    const DAY: i64 = 86_400_000_000;
    // What another batch writes, and the first when it is sent once more after that.
    let rows = |here, there| {
        let now = Timestamp::from_micros(here);
        rows_changed(0, |writes| {
            let other = UsageBatch { at: Timestamp::from_micros(there), ..batch(2, 0) };
            writes.record_usage(&other, now).unwrap();
            writes.record_usage(&batch(1, 0), now).unwrap();
        })
    };
    for (here, there) in
        [(DAY, DAY), (DAY + 1, DAY), (DAY, i64::MAX), (i64::MAX, DAY), (DAY + 1, i64::MIN)]
    {
        assert_eq!(rows(here, there), 1, "the other alone: {here} {there}");
    }
    assert_eq!(rows(DAY + 1, DAY + 1), 3, "the first goes, and is new again");
}

#[test]
fn import_that_fails_tells_which_key_it_was() {
    rows_changed(3, |writes| {
        let keys = vec![new_key(7), new_key(8), new_key(1)];
        let error = writes.import(keys, KeyLimit::Unlimited, &by()).unwrap_err();
        assert_eq!(error.index, 2);
        let keys = vec![new_key(11), new_key(12), new_key(13)];
        let error = writes.import(keys, KeyLimit::AtMost(7), &by()).unwrap_err();
        assert_eq!(error.index, 2);
    });
}
