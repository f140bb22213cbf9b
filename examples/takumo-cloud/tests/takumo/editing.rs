use serde_json::{Value, json};

use crate::client::Text;
use crate::server::demo;

#[test]
fn edit_changes_what_it_names_and_says_so_in_the_log() {
    let (_directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["shield:*"]);
    let path = format!("/v1/keys/{id}");
    let edited = owner.patch(&path, &json!({ "name": "renamed" })).expect(200);
    assert_eq!(edited["name"], "renamed");
    assert_eq!(edited["scopes"], json!(["shield:read", "shield:write"]));

    let at = "2999-12-31T23:59:59Z";
    let change = json!({ "scopes": ["shield:read"], "expires_at": "2999-12-31T22:59:59-01:00" });
    let edited = owner.patch(&path, &change).expect(200);
    assert_eq!((&edited["scopes"], &edited["expires_at"]), (&json!(["shield:read"]), &json!(at)));
    assert_eq!(
        owner.patch(&path, &json!({ "expires_at": null })).expect(200)["expires_at"],
        json!(null)
    );
    let edited = owner.patch(&path, &json!({ "expires_in_seconds": 60 })).expect(200);
    assert!(edited["expires_at"].text() > edited["created_at"].text());
    assert_eq!(
        owner.patch(&path, &json!({ "expires_in_seconds": null })).expect(200)["expires_at"],
        json!(null)
    );

    let events = owner.get("/v1/audit/events?action=key.edited").expect(200);
    let details: Vec<&Value> =
        events["events"].as_array().unwrap().iter().map(|event| &event["details"]).collect();
    assert_eq!(details.len(), 5);
    assert_eq!(details[4], &json!({ "name": { "from": "made-by-a-test", "to": "renamed" } }));
    assert_eq!(details[3]["expires_at"], json!({ "from": null, "to": at }));
    assert_eq!(details[3]["scopes"]["to"], json!(["shield:read"]));
    assert_eq!(details[2]["expires_at"], json!({ "from": at, "to": null }));
}

/// Many clients send the end of the year 9999 for "never".
#[test]
fn last_moment_of_rfc_3339_is_kept_as_it_was_sent() {
    let (_directory, server, owner) = demo();
    for at in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"] {
        let body = json!({
            "name": "until-the-end", "environment": "live", "scopes": ["org:read"],
            "expires_at": at,
        });
        let created = owner.post("/v1/keys", &body).expect(201);
        assert_eq!(created["key"]["expires_at"], at);
        let key = created["api_key"].text();
        server.client().with_key(key).get("/v1/whoami").expect(200);
        let usage = owner.get(&format!("/v1/usage?bucket=month&from=2026-01-01T00:00:00Z&to={at}"));
        assert_ne!(usage.status, 500);
    }
}

#[test]
fn narrowed_key_loses_its_scope_at_once() {
    let (_directory, server, owner) = demo();
    let (id, key) = owner.create_key("live", &["shield:read", "policy:read"]);
    let (_, bystander) = owner.create_key("live", &["policy:read"]);
    let client = server.client().with_key(key);
    let path = format!("/v1/keys/{id}");
    for _ in 0..5 {
        client.get("/v1/policies").expect(200);
        owner.patch(&path, &json!({ "scopes": ["shield:read"] })).expect(200);
        client.get("/v1/policies").expect_error(403, "FORBIDDEN");
        server.client().with_key(bystander.clone()).get("/v1/policies").expect(200);
        owner.patch(&path, &json!({ "scopes": ["shield:read", "policy:*"] })).expect(200);
    }
}

#[test]
fn expiry_can_be_moved_both_ways() {
    let (_directory, server, owner) = demo();
    let (id, key) = owner.create_key("live", &["org:read"]);
    let client = server.client().with_key(key);
    let path = format!("/v1/keys/{id}");
    client.get("/v1/whoami").expect(200);
    let over = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(owner.patch(&path, &over).expect(200)["status"], "expired");
    client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");

    // It gave its slot back, and takes one again.
    owner.create_key("live", &["org:read"]);
    owner.create_key("live", &["org:read"]);
    owner.patch("/v1/organization", &json!({ "plan": "free" })).expect(200);
    let again = json!({ "expires_at": null });
    owner.patch(&path, &again).expect_error(403, "PLAN_LIMIT_REACHED");
    owner.patch("/v1/organization", &json!({ "plan": "pro" })).expect(200);
    owner.patch(&path, &again).expect(200);
    client.get("/v1/whoami").expect(200);
}

#[test]
fn edit_grants_no_scope_that_the_caller_lacks() {
    let (_directory, server, owner) = demo();
    let clerk = server.client().with_key(owner.create_key("live", &["org:*"]).1);
    let (id, _) = owner.create_key("live", &["shield:read", "org:read"]);
    let path = format!("/v1/keys/{id}");
    for scopes in [json!(["audit:read"]), json!(["*:*"]), json!(["shield:read", "org:read"])] {
        let message =
            clerk.patch(&path, &json!({ "scopes": scopes })).expect_error(403, "FORBIDDEN");
        assert!(message.contains("can't grant what it lacks"), "{message}");
    }
    assert_eq!(
        clerk.patch(&path, &json!({ "scopes": ["org:read"] })).expect(200)["scopes"],
        json!(["org:read"])
    );
    clerk.patch(&path, &json!({ "name": "any" })).expect(200);
}

#[test]
fn bad_changes_are_told_and_change_nothing() {
    let (_directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["org:read"]);
    let path = format!("/v1/keys/{id}");
    let before = owner.get(&path).expect(200);
    for (change, names) in [
        (json!({}), "give a name"),
        (json!({ "name": null }), "give a name"),
        (json!({ "name": "" }), "name: "),
        (json!({ "name": "a\nb" }), "name: "),
        (json!({ "name": 1 }), "name: "),
        (json!({ "scopes": [] }), "scopes: "),
        (json!({ "scopes": ["org:fly"] }), "scopes: "),
        (json!({ "scopes": "org:read" }), "scopes: "),
        (json!({ "expires_in_seconds": 0 }), "expires_in_seconds: "),
        (json!({ "expires_in_seconds": -5 }), "expires_in_seconds: "),
        (json!({ "expires_in_seconds": 1.5 }), "expires_in_seconds: "),
        (json!({ "expires_in_seconds": u64::MAX }), "expires_in_seconds: "),
        (json!({ "expires_at": "tomorrow" }), "expires_at: "),
        (json!({ "expires_at": "2030-01-01" }), "expires_at: "),
        (json!({ "expires_at": 1_893_456_000 }), "expires_at: "),
        (json!({ "expires_at": null, "expires_in_seconds": 60 }), "not both"),
        (json!({ "status": "active" }), "status"),
        (json!({ "name": "x", "environment": "test" }), "environment"),
    ] {
        let message = owner.patch(&path, &change).expect_error(400, "BAD_REQUEST");
        assert!(message.contains(names), "{change}: {message}");
    }
    assert_eq!(owner.get(&path).expect(200), before);
}

#[test]
fn key_is_made_with_an_absolute_expiry() {
    let (_directory, _server, owner) = demo();
    let mut request = json!({ "name": "x", "environment": "live", "scopes": ["org:read"] });
    request["expires_at"] = json!("2999-01-01T00:00:00Z");
    let made = owner.post("/v1/keys", &request).expect(201);
    assert_eq!(made["key"]["expires_at"], "2999-01-01T00:00:00Z");
    request["expires_at"] = json!("2020-01-01T00:00:00Z");
    owner.post("/v1/keys", &request).expect_error(400, "BAD_REQUEST");
}
