use serde_json::{Value, json};

use crate::client::Client;
use crate::operator::Operator;
use crate::server::{TestServer, demo};

/// An organization beside `demo`, made by the operator while the server runs.
fn stranger(directory: &std::path::Path, server: &TestServer) -> Client {
    let operator = Operator::new(directory);
    operator.create_organization("acme", "pro");
    server.client().with_key(operator.create_key("acme", "live"))
}

#[test]
fn organizations_see_and_touch_nothing_of_each_other() {
    let (directory, server, demo) = demo();
    let acme = stranger(directory.path(), &server);

    let (id, plaintext) = demo.create_key("live", &["shield:read"]);
    demo.post("/v1/shield/scans", &json!({ "content": plaintext })).expect(201);
    demo.post("/v1/fleet/gateways", &json!({ "name": "edge-1" })).expect(201);
    demo.put("/v1/policies/pii", &json!({ "mask": true })).expect(201);

    acme.get(&format!("/v1/keys/{id}")).expect_error(404, "NOT_FOUND");
    acme.post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect_error(404, "NOT_FOUND");
    server.client().with_key(&plaintext).get("/v1/whoami").expect(200);
    acme.get("/v1/policies/pii").expect_error(404, "NOT_FOUND");
    for (path, list, own) in [
        ("/v1/keys", "keys", 1),
        ("/v1/audit/events", "events", 2),
        ("/v1/shield/scans", "scans", 0),
        ("/v1/fleet/gateways", "gateways", 0),
        ("/v1/policies", "policies", 0),
    ] {
        let page = acme.get(path).expect(200);
        assert_eq!(page[list].as_array().unwrap().len(), own, "{path}: {page}");
    }

    // The same names are free, and do not meet.
    acme.post("/v1/fleet/gateways", &json!({ "name": "edge-1" })).expect(201);
    acme.put("/v1/policies/pii", &json!({ "mask": false })).expect(201);
    let policy = demo.get("/v1/policies/pii").expect(200);
    assert_eq!((&policy["document"], &policy["version"]), (&json!({ "mask": true }), &json!(1)));
    assert_eq!(acme.get("/v1/organization").expect(200)["id"], "acme");
}

#[test]
fn unknown_key_and_strangers_key_get_the_same_answer() {
    let (directory, server, demo) = demo();
    let acme = stranger(directory.path(), &server);
    let (id, _) = demo.create_key("live", &["org:read"]);
    let message = |id: &str| -> Value {
        let mut body = acme.get(&format!("/v1/keys/{id}")).expect(404);
        body["error"]["request_id"].take();
        body
    };
    assert_eq!(message(&id), message("0190a6e4-5b2c-7d3e-8f40-112233445566"));
}
