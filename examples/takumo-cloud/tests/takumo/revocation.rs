use std::time::{Duration, Instant};

use serde_json::json;

use crate::binary::Serving;
use crate::client::Client;
use crate::server::demo;

/// How soon a process that did not make the change must know of it.
const SOON: Duration = Duration::from_secs(1);

#[test]
fn revoked_key_is_refused_by_its_own_server_at_once() {
    let (_directory, server, owner) = demo();
    for _ in 0..20 {
        let (id, key) = owner.create_key("live", &["org:read"]);
        let client = server.client().with_key(key);
        client.get("/v1/whoami").expect(200);
        owner.post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
        client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn revoked_key_is_refused_by_another_process_within_a_second() {
    let (directory, here, owner) = demo();
    let there = Serving::start(directory.path(), &[]);
    for round in 0..5 {
        let (id, key) = owner.create_key("live", &["org:read"]);
        let elsewhere = Client::new(&there.url).with_key(key.clone());
        elsewhere.get("/v1/whoami").expect(200);
        owner.post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
        let revoked = Instant::now();
        here.client().with_key(key).get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
        while elsewhere.get("/v1/whoami").status == 200 {
            assert!(revoked.elapsed() < SOON, "round {round}: still honoured");
        }
    }
}

#[test]
fn new_key_works_in_another_process_at_once() {
    let (directory, _here, owner) = demo();
    let there = Serving::start(directory.path(), &[]);
    for _ in 0..5 {
        let (_, key) = owner.create_key("live", &["org:read"]);
        Client::new(&there.url).with_key(key).get("/v1/whoami").expect(200);
    }
}
