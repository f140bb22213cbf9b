use keyfob::Environment;
use serde_json::json;

use crate::server::{TestServer, demo};

const EVERYTHING: [&str; 1] = ["*:*"];

#[test]
fn test_and_live_see_nothing_of_each_other() {
    let (_directory, server, live) = demo();
    let test = server.client().with_key(live.create_key("test", &EVERYTHING).1);
    for (own, client) in [("live", &live), ("test", &test)] {
        client.post("/v1/shield/scans", &json!({ "content": "", "filename": own })).expect(201);
        client.post("/v1/fleet/gateways", &json!({ "name": "edge", "region": own })).expect(201);
        client.put("/v1/policies/pii", &json!({ "of": own })).expect(201);
    }
    for (own, client) in [("live", &live), ("test", &test)] {
        let scans = client.get("/v1/shield/scans").expect(200);
        assert_eq!(scans["scans"].as_array().unwrap().len(), 1);
        assert_eq!(scans["scans"][0]["filename"], own);
        let gateways = client.get("/v1/fleet/gateways").expect(200);
        assert_eq!(gateways["gateways"].as_array().unwrap().len(), 1);
        assert_eq!(gateways["gateways"][0]["region"], own);
        assert_eq!(client.get("/v1/policies/pii").expect(200)["document"]["of"], own);
        assert_eq!(client.get("/v1/policies").expect(200)["policies"][0]["document"]["of"], own);
    }
}

#[test]
fn test_key_reaches_test_keys_only() {
    let (_directory, server, live) = demo();
    let test = server.client().with_key(live.create_key("test", &EVERYTHING).1);
    let (live_id, live_key) = live.create_key("live", &["org:read"]);
    let (test_id, _) = test.create_key("test", &["org:read"]);

    let request = json!({ "name": "x", "environment": "live", "scopes": ["org:read"] });
    test.post("/v1/keys", &request).expect_error(403, "FORBIDDEN");
    test.get(&format!("/v1/keys/{live_id}")).expect_error(404, "NOT_FOUND");
    test.post(&format!("/v1/keys/{live_id}/revoke"), &json!({})).expect_error(404, "NOT_FOUND");
    server.client().with_key(live_key).get("/v1/whoami").expect(200);
    test.get("/v1/keys?environment=live").expect_error(403, "FORBIDDEN");
    let seen = test.get("/v1/keys").expect(200);
    assert!(seen["keys"].as_array().unwrap().iter().all(|key| key["environment"] == "test"));
    test.patch("/v1/organization", &json!({ "name": "Mine" })).expect_error(403, "FORBIDDEN");

    test.post(&format!("/v1/keys/{test_id}/revoke"), &json!({})).expect(200);
    let (test_id, _) = test.create_key("test", &["org:read"]);
    live.post(&format!("/v1/keys/{test_id}/revoke"), &json!({})).expect(200);
}

#[test]
fn server_that_requires_live_refuses_test_keys() {
    let (directory, _server, live) = demo();
    let (_, test_key) = live.create_key("test", &EVERYTHING);
    let (_, live_key) = live.create_key("live", &EVERYTHING);
    let strict = TestServer::start_requiring(directory.path(), Environment::Live);
    strict.client().with_key(live_key).get("/v1/whoami").expect(200);
    let refused = strict.client().with_key(test_key).get("/v1/whoami");
    assert_eq!(refused.expect_error(401, "UNAUTHORIZED"), "The API key is not accepted.");
}
