//! How SQLite goes about each query: none may read more than it must.

use keyfob_store::KeyStatus;
use rusqlite::Connection;

use super::{feed, find_sql, key_sql, lists, log, secrets_sql, slots, usage};
use crate::{Migration, TablePrefix};

/// One step a line.
fn plan(sql: &str) -> String {
    let prefix = TablePrefix::default();
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    for migration in Migration::all() {
        connection.execute_batch(&migration.sql(&prefix)).unwrap();
    }
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {}", prefix.apply(sql))).unwrap();
    // Raw, because a plan needs no values.
    let steps = statement.raw_query().mapped(|row| row.get(3));
    steps.collect::<Result<Vec<String>, _>>().unwrap().join("\n")
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
        (feed::CHANGES.to_owned(), "keyfob_events USING INTEGER PRIMARY KEY (rowid>?)"),
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
