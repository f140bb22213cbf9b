//! Several servers, each a process of its own, on one database.

use std::path::Path;
use std::time::{Duration, Instant};

use keyfob_test_cluster::{PostgresOptions, PostgresServer};
use serde_json::json;
use tempfile::TempDir;

use crate::binary::{Serving, printed_key};
use crate::client::{Answer, Client};
use crate::operator::Operator;
use crate::place;

/// Three servers on a database that was empty, and a client of each with the key of the first run.
struct Three {
    servers: Vec<Serving>,
    clients: Vec<Client>,
}

impl Three {
    fn start(directory: &Path) -> Self {
        let (_, printed, _) = Serving::start(directory, &[]).stop("TERM");
        let key = printed_key(&printed).unwrap().to_owned();
        let servers: Vec<_> = (0..3).map(|_| Serving::start(directory, &[])).collect();
        let clients: Vec<_> =
            servers.iter().map(|server| Client::new(&server.url).with_key(&key)).collect();
        clients[0].patch("/v1/organization", &json!({ "plan": "enterprise" })).expect(200);
        Self { servers, clients }
    }

    /// A client of each with another key.
    fn with_key(&self, key: &str) -> Vec<Client> {
        self.clients.iter().map(|client| client.with_key(key)).collect()
    }
}

/// Asks until this is the answer, and says how long it took.
#[track_caller]
fn until(within: Duration, ask: impl Fn() -> Answer, wanted: impl Fn(u16) -> bool) -> Duration {
    let start = Instant::now();
    loop {
        let answer = ask();
        let passed = start.elapsed();
        if wanted(answer.status) {
            return passed;
        }
        assert!(passed < within, "{} after {passed:?}: {}", answer.status, answer.body);
    }
}

#[test]
fn three_servers_that_start_at_once_on_an_empty_database_make_one_first_key() {
    for _ in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        // All of them know where it is before the first one starts.
        place::url(directory.path());
        let printed: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..3).map(|_| scope.spawn(|| Serving::start(directory.path(), &[]))).collect();
            let servers: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
            servers.into_iter().map(|server| server.stop("TERM").1).collect()
        });
        let keys: Vec<_> = printed.iter().filter_map(|printed| printed_key(printed)).collect();
        assert_eq!(keys.len(), 1, "{printed:?}");
        let operator = Operator::new(directory.path());
        let organizations = operator.json(&["organizations", "list"]);
        assert_eq!(organizations["organizations"].as_array().unwrap().len(), 1);
        let made = operator.json(&["keys", "list", "--organization=demo"]);
        assert_eq!(made["keys"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn key_that_one_server_revokes_is_refused_by_the_others_at_once() {
    const AT_ONCE: Duration = Duration::from_secs(1);
    let directory = tempfile::tempdir().unwrap();
    let three = Three::start(directory.path());
    let mut longest = Duration::ZERO;
    for round in 0..30 {
        let (id, key) = three.clients[round % 3].create_key("live", &["org:read"]);
        let clients = three.with_key(&key);
        for client in &clients {
            client.get("/v1/whoami").expect(200);
        }
        let revoking = (round + 1) % 3;
        three.clients[revoking].act(&id, "revoke").expect(200);
        clients[revoking].get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
        for client in &clients {
            longest =
                longest.max(until(AT_ONCE, || client.get("/v1/whoami"), |status| status == 401));
        }
        for client in &clients {
            client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
        }
    }
    println!("the longest that another server took to refuse: {longest:?}");
}

#[test]
fn change_by_one_server_is_seen_by_all() {
    let directory = tempfile::tempdir().unwrap();
    let three = Three::start(directory.path());
    let [first, second, third] = &three.clients[..] else { panic!("three were started") };
    first.put("/v1/policies/pii", &json!({ "mask": true })).expect(201);
    second.put("/v1/policies/pii", &json!({ "mask": true })).expect(200);
    let changed = third.put("/v1/policies/pii", &json!({ "mask": false })).expect(200);
    assert_eq!(changed["version"], 2);
    assert_eq!(first.get("/v1/policies/pii").expect(200), changed);
    second.patch("/v1/organization", &json!({ "name": "Renamed" })).expect(200);
    assert_eq!(third.get("/v1/organization").expect(200)["name"], "Renamed");
}

/// Racing servers do not lose one of two changes of the same thing.
#[test]
fn versions_of_a_policy_are_counted_across_servers() {
    const EACH: usize = 20;
    let directory = tempfile::tempdir().unwrap();
    let three = Three::start(directory.path());
    std::thread::scope(|scope| {
        for (number, client) in three.clients.iter().enumerate() {
            scope.spawn(move || {
                for round in 0..EACH {
                    let answer = client.put("/v1/policies/p", &json!({ "by": [number, round] }));
                    assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
                }
            });
        }
    });
    let policy = three.clients[0].get("/v1/policies/p").expect(200);
    assert_eq!(policy["version"], 3 * EACH);
}

#[test]
fn others_serve_on_when_one_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut three = Three::start(directory.path());
    let (id, key) = three.clients[0].create_key("live", &["org:read"]);
    let clients = three.with_key(&key);
    for client in &clients {
        client.get("/v1/whoami").expect(200);
    }
    three.servers[0].kill();
    for client in &clients[1..] {
        client.get("/v1/whoami").expect(200);
    }
    three.clients[1].act(&id, "revoke").expect(200);
    until(Duration::from_secs(1), || clients[2].get("/v1/whoami"), |status| status == 401);

    // In its place another starts, which owns nothing of it and knows all.
    let again = Serving::start(directory.path(), &[]);
    let back = Client::new(&again.url);
    back.with_key(&key).get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
}

#[test]
fn database_that_restarts_is_an_outage_and_no_refusal_and_needs_no_restart_of_servers() {
    let (server, directory) = own_server();
    let three = Three::start(directory.path());
    let (_, cached) = three.clients[0].create_key("live", &["org:read"]);
    let (_, other) = three.clients[0].create_key("live", &["org:read"]);
    let cached = three.with_key(&cached);
    for client in &cached {
        client.get("/v1/whoami").expect(200);
    }
    server.stop().unwrap();
    for client in three.with_key(&other) {
        client.get("/v1/whoami").expect_error(503, "SERVICE_UNAVAILABLE");
    }
    for client in &cached {
        // From the cache, for as long as the lease runs. Then nobody knows.
        let asked = || client.get("/v1/whoami");
        let bound = Duration::from_secs(8);
        let waited = until(bound, asked, |status| {
            assert!(matches!(status, 200 | 503), "{status}");
            status == 503
        });
        assert!(waited < bound);
    }
    three.clients[0].put("/v1/policies/p", &json!({})).expect_error(503, "SERVICE_UNAVAILABLE");
    server.restart().unwrap();
    for client in &cached {
        let waited = until(
            Duration::from_secs(10),
            || client.get("/v1/whoami"),
            |status| {
                assert!(matches!(status, 200 | 503), "{status}");
                status == 200
            },
        );
        println!("served again after {waited:?}");
    }
    for client in &three.clients {
        let put = || client.put("/v1/policies/p", &json!({}));
        until(Duration::from_secs(10), put, |status| matches!(status, 200 | 201));
    }
}

#[test]
fn sessions_that_the_database_ends_are_made_anew() {
    let (server, directory) = own_server();
    let three = Three::start(directory.path());
    for _ in 0..5 {
        assert!(server.terminate_connections().unwrap() > 0);
        for client in &three.clients {
            let used = || client.get("/v1/organization");
            until(Duration::from_secs(10), used, |status| {
                assert!(matches!(status, 200 | 503), "{status}");
                status == 200
            });
        }
    }
}

/// A server of PostgreSQL's that a test may harm, and a directory whose database is on it.
fn own_server() -> (PostgresServer, TempDir) {
    let server = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    place::is_at(directory.path(), server.create_database().unwrap().url());
    (server, directory)
}
