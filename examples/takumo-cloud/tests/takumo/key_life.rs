use serde_json::json;

use crate::client::Text;
use crate::server::demo;

const ACTIONS: [&str; 3] = ["retire", "disable", "enable"];

#[test]
fn disabled_key_is_refused_and_comes_back() {
    let (_directory, server, owner) = demo();
    let (id, key) = owner.create_key("live", &["org:read"]);
    let client = server.client().with_key(key);
    for _ in 0..5 {
        client.get("/v1/whoami").expect(200);
        assert_eq!(owner.act(&id, "disable").expect(200)["status"], "disabled");
        let refused = client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
        assert_eq!(refused, "The API key is not accepted.");
        assert_eq!(owner.get("/v1/organization").expect(200)["keys_in_use"], 2, "holds its slot");
        assert_eq!(owner.act(&id, "enable").expect(200)["status"], "active");
    }
    // Doing it again changes nothing, and logs nothing.
    owner.act(&id, "enable").expect(200);
    let events = owner.get("/v1/audit/events?action=key.enabled").expect(200);
    assert_eq!(events["events"].as_array().unwrap().len(), 5);
}

#[test]
fn revoked_key_stays_revoked_whatever_is_asked() {
    let (_directory, server, owner) = demo();
    let (id, key) = owner.create_key("live", &["org:read"]);
    let reason = json!({ "reason": "left the team" });
    let revoked = owner.post(&format!("/v1/keys/{id}/revoke"), &reason).expect(200);
    for action in ACTIONS {
        let message = owner.act(&id, action).expect_error(409, "CONFLICT");
        assert!(message.contains("revoked"), "{message}");
    }
    owner.rotate(&id, 0).expect_error(409, "CONFLICT");
    let path = format!("/v1/keys/{id}");
    for change in [json!({ "name": "x" }), json!({ "expires_at": null })] {
        owner.patch(&path, &change).expect_error(409, "CONFLICT");
    }
    assert_eq!(owner.act(&id, "revoke").expect(200), revoked);
    server.client().with_key(key).get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
}

#[test]
fn test_key_changes_test_keys_only() {
    let (_directory, server, live) = demo();
    let test = server.client().with_key(live.create_key("test", &["*:*"]).1);
    let (live_id, live_key) = live.create_key("live", &["org:read"]);
    let (test_id, _) = live.create_key("test", &["org:read"]);
    for action in ACTIONS {
        test.act(&live_id, action).expect_error(404, "NOT_FOUND");
        test.act(&test_id, action).expect(200);
    }
    test.rotate(&live_id, 0).expect_error(404, "NOT_FOUND");
    assert!(test.rotate(&test_id, 0).expect(200)["api_key"].text().starts_with("tk_test_"));
    let rename = json!({ "name": "mine" });
    test.patch(&format!("/v1/keys/{live_id}"), &rename).expect_error(404, "NOT_FOUND");
    test.patch(&format!("/v1/keys/{test_id}"), &rename).expect(200);
    server.client().with_key(live_key).get("/v1/whoami").expect(200);
}

#[test]
fn another_organizations_key_is_not_found() {
    let (directory, server, owner) = demo();
    let operator = crate::operator::Operator::new(directory.path());
    operator.create_organization("acme", "pro");
    let stranger = server.client().with_key(operator.create_key("acme", "live"));
    let (id, key) = owner.create_key("live", &["org:read"]);
    for action in ["retire", "disable", "enable", "revoke"] {
        stranger.act(&id, action).expect_error(404, "NOT_FOUND");
    }
    stranger.rotate(&id, 0).expect_error(404, "NOT_FOUND");
    let rename = json!({ "name": "mine" });
    stranger.patch(&format!("/v1/keys/{id}"), &rename).expect_error(404, "NOT_FOUND");
    server.client().with_key(key).get("/v1/whoami").expect(200);
}

#[test]
fn actions_take_no_fields_that_do_not_exist() {
    let (_directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["org:read"]);
    for action in ACTIONS {
        let path = format!("/v1/keys/{id}/{action}");
        owner.post(&path, &json!({ "reason": "x" })).expect_error(400, "BAD_REQUEST");
        owner.post("/v1/keys/nobody/disable", &json!({})).expect_error(400, "BAD_REQUEST");
        owner.call("POST", &path, &[], "").expect(200);
    }
}
