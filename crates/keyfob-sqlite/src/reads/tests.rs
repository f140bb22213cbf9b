//! How SQLite goes about each query: none may read more than it must.

use keyfob_store::{
    Action, Actor, Environment, EventQuery, FeedCursor, FeedPosition, KeyQuery, KeyStatus,
    OrganizationId, PageSize, Timestamp,
};
use rusqlite::Connection;

use super::{Reads, feed, find_sql, key_sql, lists, log, secrets_sql, slots, usage};
use crate::{Migration, TablePrefix};

/// One step a line.
fn plan(sql: &str) -> String {
    let connection = migrated();
    let sql = TablePrefix::default().apply(sql);
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    // Raw, because a plan needs no values.
    let steps = statement.raw_query().mapped(|row| row.get(3));
    steps.collect::<Result<Vec<String>, _>>().unwrap().join("\n")
}

fn migrated() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    for migration in Migration::all() {
        connection.execute_batch(&migration.sql(&TablePrefix::default())).unwrap();
    }
    connection
}

#[test]
fn no_query_reads_more_than_it_must() {
    let list = |status| lists::sql(status);
    for (sql, index) in [
        (find_sql(), "SEARCH s USING COVERING INDEX keyfob_secrets_by_hash (hash=?)"),
        (find_sql(), "SEARCH k USING INTEGER PRIMARY KEY (rowid=?)"),
        (find_sql(), "SEARCH o USING PRIMARY KEY (organization=?)"),
        (key_sql(), "keyfob_keys USING INDEX keyfob_keys_by_id (id=?)"),
        (secrets_sql(), "SEARCH s USING PRIMARY KEY (key=?)"),
        (secrets_sql(), "SEARCH u USING PRIMARY KEY (key=? AND secret=?)"),
        (list(None), "keys_by_epoch (organization=? AND epoch=? AND id<?)"),
        (
            list(Some(KeyStatus::Active)),
            "keys_unrevoked_by_epoch (organization=? AND epoch=? AND id<?)",
        ),
        (
            list(Some(KeyStatus::Disabled)),
            "keys_unrevoked_by_epoch (organization=? AND epoch=? AND id<?)",
        ),
        (
            list(Some(KeyStatus::Expired)),
            "keys_unrevoked_by_epoch (organization=? AND epoch=? AND id<?)",
        ),
        (list(Some(KeyStatus::Revoked)), "keys_by_epoch (organization=? AND epoch=? AND id<?)"),
        (slots::sql(), "keys_slots_by_epoch (organization=? AND epoch=? AND expires_at=?)"),
        (slots::sql(), "keys_slots_by_epoch (organization=? AND epoch=? AND expires_at>?)"),
        (
            log::sql(log::OF_ORGANIZATION),
            "events_by_organization (organization=? AND rowid>? AND rowid<?)",
        ),
        (log::sql(log::OF_KEY), "events_by_key (key=? AND rowid>? AND rowid<?)"),
        (
            log::sql(log::OF_ACTOR),
            "events_by_actor (organization=? AND actor=? AND rowid>? AND rowid<?)",
        ),
        (
            log::sql(log::OF_ACTION),
            "events_by_action (organization=? AND action=? AND rowid>? AND rowid<?)",
        ),
        (
            log::end_sql(log::OF_ORGANIZATION),
            "COVERING INDEX keyfob_events_by_organization (organization=? AND rowid>? AND rowid<?)",
        ),
        (
            log::end_sql(log::OF_ACTOR),
            "COVERING INDEX keyfob_events_by_actor (organization=? AND actor=? AND rowid>? AND rowid<?)",
        ),
        (feed::CHANGES.to_owned(), "keyfob_events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (feed::examined_to_sql(), "keyfob_events USING INTEGER PRIMARY KEY (rowid>?)"),
        (feed::HASHES.to_owned(), "secrets_by_end (key=? AND retires_at=?)"),
        (feed::HASHES.to_owned(), "secrets_by_end (key=? AND retires_at>?)"),
        (usage::sql(""), "SEARCH u USING PRIMARY KEY (hour=? AND organization=? AND epoch=?)"),
        (
            usage::sql(usage::OF_KEY),
            "SEARCH u USING PRIMARY KEY (hour=? AND organization=? AND epoch=? AND key=?)",
        ),
        (usage::sql(""), "SEARCH n USING PRIMARY KEY (hour>?)"),
    ] {
        let plan = plan(&sql);
        assert!(plan.contains(index), "{index}\n{sql}\n{plan}");
        for slow in ["TEMP B-TREE", "SCAN keyfob_"] {
            assert!(!plan.contains(slow), "{sql}\n{plan}");
        }
    }
}

/// More than two walks long.
const ROWS: u32 = 2 * PageSize::MAX_EXAMINED_ROWS + 7;

/// The steps of SQLite's virtual machine that one examined row may take.
const STEPS_A_ROW: i64 = 40;

/// An organization with many events, of which only the first is an edit by `user:rare`; and with many
/// keys, of which only the first is not revoked. It is a test key.
fn filled() -> Connection {
    let connection = migrated();
    let numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)";
    let events = format!(
        "{numbers} INSERT INTO keyfob_events (at, organization, action, actor, details) SELECT n, \
         'acme', iif(n IN (1, 3), 'policy.edited', 'policy.read'), \
         iif(n IN (1, 2), 'user:rare', 'user:often'), '{{}}' FROM n"
    );
    connection.execute(&events, [ROWS]).unwrap();
    let keys = format!(
        "{numbers} INSERT INTO keyfob_keys (id, organization, name, environment, scopes, created_at, \
         created_by, revoked_at, revoked_by) SELECT unhex(printf('%032x', n)), 'acme', 'key', \
         iif(n = 1, 'test', 'live'), '', 0, 'cli', iif(n = 1, NULL, 1), iif(n = 1, NULL, 'cli') \
         FROM n"
    );
    connection.execute(&keys, [ROWS]).unwrap();
    let secrets = "INSERT INTO keyfob_secrets (key, generation, hash, hint, created_at) \
         VALUES (1, 1, zeroblob(32), 'tk_test_00000000', 0)";
    connection.execute(secrets, []).unwrap();
    connection
}

#[test]
fn page_of_the_log_examines_a_bounded_number_of_rows_and_the_next_goes_on() {
    let connection = filled();
    let mut reads = Reads::prepare(&connection, &TablePrefix::default()).unwrap();
    let acme: OrganizationId = "acme".parse().unwrap();
    let rare = Some(Actor::new("user:rare").unwrap());
    let often = Some(Actor::new("user:often").unwrap());
    let edited = Some(Action::custom("policy.edited").unwrap());
    let none = Some(Action::custom("policy.made").unwrap());
    for (actor, action, found, pages) in [
        (rare.clone(), None, vec![2, 1], 1),
        (rare, edited.clone(), vec![1], 1),
        (None, edited.clone(), vec![3, 1], 1),
        (None, none.clone(), vec![], 1),
        (often.clone(), edited, vec![3], 3),
        (often, none, vec![], 3),
    ] {
        let mut query = EventQuery { actor, action, ..EventQuery::new(PageSize::MAX) };
        let mut positions = Vec::new();
        let mut read = 0;
        loop {
            let page = reads.events(&acme, &query).unwrap();
            read += 1;
            let steps = reads.log.steps();
            assert!(steps < STEPS_A_ROW * i64::from(PageSize::MAX_EXAMINED_ROWS), "{steps} steps");
            positions.extend(page.items.iter().map(|event| event.position));
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(positions, found.into_iter().map(FeedPosition::new).collect::<Vec<_>>());
        assert_eq!(read, pages, "{query:?}");
    }
}

#[test]
fn page_of_keys_examines_a_bounded_number_of_rows_and_the_next_goes_on() {
    let connection = filled();
    let mut reads = Reads::prepare(&connection, &TablePrefix::default()).unwrap();
    let acme: OrganizationId = "acme".parse().unwrap();
    for (status, environment, found, pages) in [
        (None, Some(Environment::Test), 1, 3),
        (Some(KeyStatus::Active), None, 1, 1),
        (Some(KeyStatus::Disabled), None, 0, 1),
        (Some(KeyStatus::Revoked), Some(Environment::Test), 0, 3),
    ] {
        let mut query = KeyQuery { status, environment, ..KeyQuery::new(PageSize::MAX) };
        let mut listed = 0;
        let mut read = 0;
        loop {
            let page = reads.list(&acme, &query, Timestamp::from_micros(2)).unwrap();
            read += 1;
            let steps = reads.lists.steps();
            assert!(steps < STEPS_A_ROW * i64::from(PageSize::MAX_EXAMINED_ROWS), "{steps} steps");
            listed += page.items.len();
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!((listed, read), (found, pages), "{status:?} {environment:?}");
    }
}

#[test]
fn read_of_the_feed_examines_a_bounded_number_of_events_and_the_next_goes_on() {
    let connection = migrated();
    let events = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 120000) \
         INSERT INTO keyfob_events (at, organization, action, actor, details) SELECT n, 'acme', \
         iif(n = 110000, 'organization.deleted', 'policy.edited'), 'cli', '{}' FROM n";
    connection.execute(events, []).unwrap();
    let mut reads = Reads::prepare(&connection, &TablePrefix::default()).unwrap();
    let mut reached = FeedCursor::START;
    let mut changed = Vec::new();
    let mut read = 0;
    loop {
        let told = reads.changes(reached, 10).unwrap();
        assert!(told.reached.position() > reached.position());
        reached = told.reached;
        read += 1;
        changed.extend(told.changes.iter().map(|change| change.position.get()));
        assert_eq!(told.complete, reached.position() == FeedPosition::new(120_000));
        if told.complete {
            break;
        }
    }
    assert_eq!((changed, read), (vec![110_000], 3));
}
