//! A session keeps the plan of a function for long. It must not be one that suits the first few keys alone.

use std::collections::HashMap;

use keyfob_postgres::PostgresOptions;
use keyfob_store::{Idempotency, KeyLimit, KeyStore, NewKey};
use tokio_postgres::Client;

use crate::database::{database, open, session, try_open, until};
use crate::sample::{by, insert, new_key, now, organization, rotation, try_insert};

/// More often than the server looks at the values before it settles on a plan.
const TIMES: i64 = 10;

#[tokio::test]
async fn lookups_go_by_the_indices_from_the_first_key_on() {
    let database = database();
    let hash = insert(&open(&database).await).await.secrets[0].hash;
    let mut session = session(&database).await;
    let transaction = session.transaction().await.unwrap();
    let asked: &[&[u8]] = &[hash.as_bytes()];
    for _ in 0..TIMES {
        let rows = transaction.query("SELECT * FROM keyfob.find($1)", &[&asked]).await.unwrap();
        assert_eq!(rows.len(), 1);
    }
    for table in ["keys", "secrets"] {
        assert_eq!(scans(transaction.client(), table).await, (0, TIMES), "{table}");
    }
}

#[tokio::test]
async fn reads_of_the_feed_go_by_the_indices_from_the_first_key_on() {
    let database = database();
    insert(&open(&database).await).await;
    let mut session = session(&database).await;
    let transaction = session.transaction().await.unwrap();
    for _ in 0..TIMES {
        let sql = "SELECT * FROM keyfob.changes(0, 100)";
        assert_eq!(transaction.query(sql, &[]).await.unwrap().len(), 1);
    }
    for table in ["feed", "head"] {
        assert_eq!(scans(transaction.client(), table).await, (0, TIMES), "{table}");
    }
    // The end, what stands at the position that was asked for, and the tag of the change.
    assert_eq!(scans(transaction.client(), "events").await, (0, 3 * TIMES));
}

#[tokio::test]
async fn prepared_lookups_go_by_the_indices_from_the_first_key_on() {
    let database = database();
    let hash = insert(&open(&database).await).await.secrets[0].hash;
    let client = session(&database).await;
    let before = scans_of_others(&client).await;
    let options = PostgresOptions::new(database.socket_url()).with_prepared_lookups(true);
    let store = try_open(options).await.unwrap();
    for _ in 0..TIMES {
        assert!(store.find(&[hash]).await.unwrap().all().unwrap()[0].is_some());
    }
    store.close().await;
    let after = scans_of_others(&client).await;
    for table in ["keys", "secrets"] {
        let ((scanned, sought), (was_scanned, was_sought)) = (after[table], before[table]);
        assert_eq!((scanned - was_scanned, sought - was_sought), (0, TIMES), "{table}");
    }
}

/// Triggers' included.
#[tokio::test]
async fn writes_go_by_the_indices_from_the_first_key_on() {
    let database = database();
    open(&database).await.close().await;
    let client = session(&database).await;
    let before = scans_of_others(&client).await;
    let store = open(&database).await;
    for number in 0..TIMES {
        let idempotency = Idempotency {
            token: format!("token-{number}").parse().unwrap(),
            fingerprint: [7; 32],
            remembered_until: now(),
        };
        let key = NewKey { idempotency: Some(idempotency), ..new_key() };
        let key = try_insert(&store, key, KeyLimit::AtMost(100)).await.unwrap();
        store.rotate(&organization(), key.id, rotation(), by()).await.unwrap();
        store.revoke(&organization(), key.id, None, by()).await.unwrap();
    }
    store.close().await;
    let after = scans_of_others(&client).await;
    for table in ["keys", "secrets", "organizations", "events", "idempotency", "last_uses"] {
        let ((scanned, sought), (was_scanned, was_sought)) = (after[table], before[table]);
        assert_eq!(scanned, was_scanned, "{table}");
        assert!(sought >= was_sought + TIMES, "{table}");
    }
}

/// A plan for certain values is made anew each time, and to compile one takes longer than to run it. Those that do
/// not say so run in a transaction that does.
#[tokio::test]
async fn plans_are_for_any_values_and_not_compiled() {
    let database = database();
    open(&database).await.close().await;
    let sql = "SELECT proname::text, proconfig FROM pg_proc \
        WHERE pronamespace = 'keyfob'::regnamespace AND proconfig IS NOT NULL ORDER BY 1";
    let functions = session(&database).await.query(sql, &[]).await.unwrap();
    let names: Vec<&str> = functions.iter().map(|function| function.get(0)).collect();
    assert_eq!(names, ["changes", "find"]);
    for function in &functions {
        let settings: Vec<&str> = function.get(1);
        assert!(settings.contains(&"plan_cache_mode=force_generic_plan"), "{settings:?}");
        assert!(settings.contains(&"jit=off"), "{settings:?}");
    }
}

/// How often each table was read from end to end, and by an index, by all sessions. It waits for those of others to
/// end, since a session hands in what it has counted when it does.
async fn scans_of_others(client: &Client) -> HashMap<String, (i64, i64)> {
    until("the other sessions have ended", || async {
        let all = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
        client.query_one(all, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    let tables = "SELECT relname::text, seq_scan, coalesce(idx_scan, 0) FROM pg_stat_user_tables \
        WHERE schemaname = 'keyfob'";
    let rows = client.query(tables, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

/// How often this transaction has read a table from end to end, and by an index.
async fn scans(client: &Client, table: &str) -> (i64, i64) {
    let sql = "SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables \
        WHERE schemaname = 'keyfob' AND relname = $1";
    let row = client.query_one(sql, &[&table]).await.unwrap();
    (row.get(0), row.get(1))
}
