use keyfob_postgres::PostgresOptions;
use keyfob_store::{
    FeedCursor, FeedPosition, Hour, KeyStore, NodeId, NodeReport, Outcome, StoreError, UsageBatch,
    UsageCount,
};
use std::time::Duration;

use crate::database::{database, execute, open, try_open};
use crate::sample::{by, insert, now, organization};

/// What the server grants to everybody, where nobody thought of it.
const REVOKE: &str = "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA keyfob FROM PUBLIC";

/// The `GRANT`s of the README, for roles of a name of this test's own.
fn grants(section: &str, role: &str) -> String {
    let readme = include_str!("../../README.md");
    let start = readme.find(section).expect("the README has this section");
    let sql = readme[start..].split("```").nth(1).expect("it has SQL");
    sql.strip_prefix("sql").expect("it is marked as SQL").replace("keyfob_role", role)
}

#[tokio::test]
async fn verifying_node_needs_no_more_than_its_grants() {
    let database = database();
    let owner = open(&database).await;
    let key = insert(&owner).await;
    execute(&database, "CREATE ROLE verifier LOGIN").await.unwrap();
    execute(&database, REVOKE).await.unwrap();
    execute(&database, &grants("### A node that verifies", "verifier")).await.unwrap();

    let node = try_open(PostgresOptions::new(database.url_as("verifier"))).await.unwrap();
    let found = node.find(&[key.secrets[0].hash]).await.unwrap();
    assert_eq!(found.all().unwrap()[0].as_ref().map(|found| found.id), Some(key.id));
    let end = node.position().await.unwrap();
    assert_eq!(end.position(), FeedPosition::new(1));
    assert_eq!(node.changes(FeedCursor::START, 10).await.unwrap().changes.len(), 1);
    let count = UsageCount {
        organization: organization(),
        key: key.id,
        secret: 1,
        hour: Hour::of(now()),
        outcome: Outcome::Accepted,
        count: 3,
        last_at: now(),
    };
    let batch = UsageBatch { id: [1; 16], at: now(), counts: vec![count] };
    node.record_usage(&batch).await.unwrap();
    node.record_usage(&batch).await.unwrap();
    let report = NodeReport {
        id: NodeId::new(now(), [1; 8]),
        name: "node".parse().unwrap(),
        started_at: now(),
        reported_at: now(),
        cursor: end,
        staleness_bound: Duration::from_secs(5),
        interval: Duration::from_secs(10),
    };
    node.report_node(report.clone()).await.unwrap();
    assert_eq!(node.nodes().await.unwrap(), std::slice::from_ref(&report));
    node.forget_node(report.id).await.unwrap();

    let error = node.revoke(&organization(), key.id, None, by()).await.unwrap_err();
    assert!(matches!(error, StoreError::Internal(_)), "{error:?}");
    let read = owner.get(&organization(), key.id).await.unwrap();
    assert_eq!(read.secrets[0].last_used_at, Some(now()));
}

#[tokio::test]
async fn issuing_node_needs_no_more_than_its_grants() {
    let database = database();
    open(&database).await.close().await;
    execute(&database, "CREATE ROLE issuer LOGIN").await.unwrap();
    execute(&database, REVOKE).await.unwrap();
    execute(&database, &grants("### A node that issues", "issuer")).await.unwrap();
    let node = try_open(PostgresOptions::new(database.url_as("issuer"))).await.unwrap();
    let key = insert(&node).await;
    node.find(&[key.secrets[0].hash]).await.unwrap();
    node.changes(FeedCursor::START, 10).await.unwrap();
    node.rotate(&organization(), key.id, crate::sample::rotation(), by()).await.unwrap();
    node.revoke(&organization(), key.id, None, by()).await.unwrap();
    node.delete_organization(&organization(), by()).await.unwrap();
    node.prune_usage(Hour::of(now())).await.unwrap();
    for sql in ["DELETE FROM keyfob.events", "DROP TRIGGER keys_stay_revoked ON keyfob.keys"] {
        let session = crate::database::session_at(&database.url_as("issuer")).await;
        session.batch_execute(sql).await.unwrap_err();
    }
}
