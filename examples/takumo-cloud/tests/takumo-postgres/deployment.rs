//! What `docs/deployment.md` says, done.

use std::time::{Duration, Instant};

use keyfob_test_cluster::{
    PgBouncer, PgBouncerOptions, PostgresOptions, PostgresServer, ReplicaOptions,
};
use serde_json::json;
use tempfile::TempDir;

use crate::binary::{Serving, printed_key};
use crate::client::{Client, Text};
use crate::operator::Operator;
use crate::place;

/// The staleness bound, and a second for a slow machine.
const BOUND: Duration = Duration::from_secs(6);

/// The first SQL of the page.
fn roles() -> &'static str {
    let page = include_str!("../../../../docs/deployment.md");
    let (_, sql) = page.split_once("```sql\n").unwrap();
    sql.split_once("```").unwrap().0
}

fn primary() -> PostgresServer {
    PostgresServer::start(&PostgresOptions::new()).unwrap()
}

/// A directory whose database is at this URL, an owner's key, and the organization without a limit.
fn first_run(url: String) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    place::is_at(directory.path(), url);
    let (_, printed, _) = Serving::start(directory.path(), &[]).stop("TERM");
    let plan = ["organizations", "edit", "demo", "--plan=enterprise"];
    Operator::new(directory.path()).stdout(&plan);
    (directory, printed_key(&printed).unwrap().to_owned())
}

#[test]
fn server_needs_no_right_to_make_tables() {
    // Roles are of the whole server.
    let postgres = primary();
    let database = postgres.create_database().unwrap();
    postgres.sql(database.name(), roles()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    place::is_at(directory.path(), database.url_as("takumo"));
    let operator = Operator::new(directory.path());
    for command in ["serve", "migrate"] {
        let (code, message) = operator.failure(&[command]);
        assert_eq!(code, 1, "{message}");
        assert!(message.contains("run `takumo-cloud migrate` as the role that owns"), "{message}");
    }
    let mut migrate = operator.command(&["migrate"]);
    let migrated = migrate.env("TAKUMO_DATABASE", database.url_as("takumo_owner")).output();
    let migrated = migrated.unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));

    let (_, printed, _) = Serving::start(directory.path(), &[]).stop("TERM");
    let serving = Serving::start(directory.path(), &[]);
    let owner = Client::new(&serving.url).with_key(printed_key(&printed).unwrap());
    let (id, key) = owner.create_key("live", &["org:read"]);
    let client = owner.with_key(key);
    client.get("/v1/whoami").expect(200);
    owner.put("/v1/policies/p", &json!({})).expect(201);
    owner.post("/v1/fleet/gateways", &json!({ "name": "edge" })).expect(201);
    owner.post("/v1/shield/scans", &json!({ "content": "" })).expect(201);
    owner.rotate(&id, 60).expect(200);
    owner.act(&id, "revoke").expect(200);
    client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    let shown = || owner.get("/v1/usage").expect(200)["total"]["accepted"].as_u64();
    let start = Instant::now();
    while shown() == Some(0) {
        assert!(start.elapsed() < Duration::from_secs(10), "usage is not written down");
    }
    let confirm = json!({ "confirm": "demo" });
    owner.delete("/v1/organization", &confirm).expect(204);
}

/// However busy, by the page's figures for those who run without a pooler.
#[test]
fn server_has_eleven_connections_at_most() {
    let postgres = PostgresServer::shared().unwrap();
    let database = postgres.create_database().unwrap();
    let (directory, key) = first_run(database.url());
    let serving = Serving::start(directory.path(), &[]);
    let owner = Client::new(&serving.url).with_key(key);
    let count = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        database.name()
    );
    let mut most = 0;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|number| {
                let owner = owner.clone();
                scope.spawn(move || {
                    for round in 0..10 {
                        let (id, key) = owner.create_key("live", &["org:read"]);
                        owner.with_key(key).get("/v1/organization").expect(200);
                        let policy = json!({ "round": round });
                        let saved = owner.put(&format!("/v1/policies/p{number}"), &policy);
                        assert!(matches!(saved.status, 200 | 201));
                        owner.act(&id, "revoke").expect(200);
                        owner.get("/v1/audit/events?limit=1").expect(200);
                    }
                })
            })
            .collect();
        while !clients.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let connections: u64 = postgres.sql("postgres", &count).unwrap().parse().unwrap();
            most = most.max(connections);
        }
    });
    println!("{most} connections at the most");
    assert!((5..=11).contains(&most), "{most}");
}

#[test]
fn three_nodes_behind_a_pooler_have_a_replica_answer_lookups() {
    let primary = primary();
    let replica = primary.replica(&ReplicaOptions::new()).unwrap();
    let database = primary.create_database().unwrap();
    let pooler = PgBouncer::start(&primary, &PgBouncerOptions::new()).unwrap();
    let (directory, key) = first_run(pooler.url(&database));
    let (direct, replica_url) = (database.url(), replica.database(database.name()).url());
    let environment =
        [("TAKUMO_NOTIFICATIONS_URL", direct.as_str()), ("TAKUMO_REPLICAS", replica_url.as_str())];
    let nodes: Vec<_> = (0..3).map(|_| Serving::start(directory.path(), &environment)).collect();
    let clients: Vec<_> = nodes.iter().map(|node| Client::new(&node.url).with_key(&key)).collect();
    let lookups = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE '%.find(%'",
        database.name()
    );
    let start = Instant::now();
    let mut round = 0;
    // Until the replica was asked, and often enough to see that nothing revoked comes back.
    while round < 10 || replica.sql("postgres", &lookups).unwrap() == "0" {
        assert!(start.elapsed() < Duration::from_secs(30), "the replica is asked nothing");
        let (id, made) = clients[round % 3].create_key("live", &["org:read"]);
        for client in &clients {
            client.with_key(&made).get("/v1/whoami").expect(200);
        }
        clients[round % 3].act(&id, "revoke").expect(200);
        let revoked = Instant::now();
        for client in &clients {
            while client.with_key(&made).get("/v1/whoami").status != 401 {
                assert!(revoked.elapsed() < Duration::from_secs(1));
            }
        }
        round += 1;
    }
}

#[test]
fn acknowledged_revocation_survives_the_primary_with_a_synchronous_standby() {
    let primary = primary();
    let database = primary.create_database().unwrap();
    let standby = primary.replica(&ReplicaOptions::new().synchronous()).unwrap();
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{}?target_session_attrs=read-write",
        primary.port(),
        standby.port(),
        database.name()
    );
    let (directory, key) = first_run(url);
    let nodes: Vec<_> = (0..3).map(|_| Serving::start(directory.path(), &[])).collect();
    let clients: Vec<_> = nodes.iter().map(|node| Client::new(&node.url).with_key(&key)).collect();
    let (revoked_id, revoked) = clients[0].create_key("live", &["org:read"]);
    let (_, kept) = clients[0].create_key("live", &["org:read"]);
    for client in &clients {
        client.with_key(&revoked).get("/v1/whoami").expect(200);
        client.with_key(&kept).get("/v1/whoami").expect(200);
    }
    clients[1].act(&revoked_id, "revoke").expect(200);
    let acknowledged = Instant::now();
    primary.kill().unwrap();
    standby.promote().unwrap();

    let promoted = Instant::now();
    for client in &clients {
        // Nobody restarts them.
        let create = json!({ "name": "after", "environment": "live", "scopes": ["org:read"] });
        let made = loop {
            let answer = client.post("/v1/keys", &create);
            match answer.status {
                201 => break answer.body["api_key"].text(),
                status => assert_eq!(status, 503, "{}", answer.body),
            }
            assert!(promoted.elapsed() < Duration::from_secs(20), "{}", answer.body);
        };
        // The primary may have gone before it told this one: then the bound holds.
        while client.with_key(&revoked).get("/v1/whoami").status != 401 {
            assert!(acknowledged.elapsed() < BOUND, "honoured by a node after {BOUND:?}");
        }
        client.with_key(&kept).get("/v1/whoami").expect(200);
        client.with_key(made).get("/v1/whoami").expect(200);
    }
    println!("all three write again {:?} after the promotion", promoted.elapsed());
    let shown = clients[0].get(&format!("/v1/keys/{revoked_id}")).expect(200);
    assert_eq!(shown["status"], "revoked");
}
