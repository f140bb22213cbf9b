//! No key gives another key, or itself, more than it has: on every path that gives a key power.

use serde_json::{Value, json};

use crate::client::{Client, Text};
use crate::server::{TestServer, demo};

const END: &str = "2999-01-01T00:00:00Z";
const LATER: &str = "2999-01-01T00:00:00.000001Z";

/// Makes a key from a request, and returns its id and a client that has it.
fn key(server: &TestServer, owner: &Client, body: &Value) -> (String, Client) {
    let made = owner.post("/v1/keys", body).expect(201);
    (made["key"]["id"].text(), server.client().with_key(made["api_key"].text()))
}

fn body(environment: &str, scopes: &[&str], expires_at: Option<&str>) -> Value {
    json!({
        "name": "k", "environment": environment, "scopes": scopes, "expires_at": expires_at,
    })
}

#[test]
fn no_path_gives_a_key_more_than_its_grantor_has() {
    let (_directory, server, owner) = demo();
    owner.patch("/v1/organization", &json!({ "plan": "enterprise" })).expect(200);
    let own = ["org:read", "org:write"];
    let (own_id, clerk) = key(&server, &owner, &body("live", &own, Some(END)));
    for (what, excess) in [
        ("scope", body("live", &["org:read", "shield:read"], Some(END))),
        ("all scopes", body("live", &["*:*"], Some(END))),
        ("no end", body("live", &own, None)),
        ("later end", body("live", &own, Some(LATER))),
    ] {
        clerk.post("/v1/keys", &excess).expect_error(403, "FORBIDDEN");
        let (id, _) = key(&server, &owner, &excess);
        assert_eq!(clerk.rotate(&id, 0).status, 403, "rotate: {what}");
        owner.act(&id, "disable").expect(200);
        assert_eq!(clerk.act(&id, "enable").status, 403, "enable: {what}");
        assert_eq!(owner.get(&format!("/v1/keys/{id}")).expect(200)["status"], "disabled");

        // An edit that would come to that, of a key that is within the limits and of its own.
        let (within, _) = key(&server, &owner, &body("live", &["org:read"], Some(END)));
        let change = json!({ "scopes": excess["scopes"], "expires_at": excess["expires_at"] });
        for id in [&within, &own_id] {
            let path = format!("/v1/keys/{id}");
            let before = owner.get(&path).expect(200);
            assert_eq!(clerk.patch(&path, &change).status, 403, "edit: {what}");
            assert_eq!(owner.get(&path).expect(200)["expires_at"], before["expires_at"]);
        }
    }
    let (ending, _) = key(&server, &owner, &body("live", &["shield:read"], Some(END)));
    let path = format!("/v1/keys/{ending}");
    let prolong = json!({ "expires_at": LATER });
    clerk.patch(&path, &prolong).expect_error(403, "FORBIDDEN");
    clerk.patch(&path, &json!({ "expires_at": "2998-01-01T00:00:00Z" })).expect(200);
    clerk.patch(&path, &json!({ "name": "renamed" })).expect(200);

    // What is within the limits goes.
    let (within, _) = key(&server, &clerk, &body("live", &["org:read"], Some(END)));
    clerk.act(&within, "disable").expect(200);
    clerk.act(&within, "enable").expect(200);
    clerk.rotate(&within, 0).expect(200);
    clerk.patch(&format!("/v1/keys/{own_id}"), &json!({ "name": "itself" })).expect(200);
}

#[test]
fn test_key_gives_power_to_test_keys_only() {
    let (_directory, server, owner) = demo();
    let (_, tester) = key(&server, &owner, &body("test", &["org:read", "org:write"], None));
    tester.post("/v1/keys", &body("live", &["org:read"], None)).expect_error(403, "FORBIDDEN");
    tester.post("/v1/keys", &body("test", &["org:read"], None)).expect(201);
    let (live, _) = key(&server, &owner, &body("live", &["org:read"], None));
    assert_eq!(tester.rotate(&live, 0).status, 404);
    assert_eq!(tester.act(&live, "enable").status, 404);
}

#[test]
fn replay_is_answered_though_its_caller_may_grant_less_by_now() {
    let (_directory, server, owner) = demo();
    let (id, clerk) = key(&server, &owner, &body("live", &["org:*", "shield:read"], None));
    let request = body("live", &["shield:read"], Some(END)).to_string();
    let send = |token: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", token)];
        clerk.call("POST", "/v1/keys", &headers, &request)
    };
    let first = send("once");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let first = first.expect(201);
    owner.patch(&format!("/v1/keys/{id}"), &json!({ "scopes": ["org:*"] })).expect(200);
    let replay = send("once");
    assert_eq!(replay.headers["idempotency-replayed"], "true");
    let replay = replay.expect(200);
    assert_eq!((&replay["key"]["id"], &replay["api_key"]), (&first["key"]["id"], &Value::Null));
    send("another").expect_error(403, "FORBIDDEN");
}
