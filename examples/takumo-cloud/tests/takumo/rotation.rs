use serde_json::{Value, json};

use crate::client::{Answer, Client, Text};
use crate::server::demo;

#[test]
fn rotated_key_is_the_same_key_with_two_secrets_for_a_while() {
    let (_directory, server, owner) = demo();
    let (id, old) = owner.create_key("live", &["shield:*"]);
    let before = owner.get(&format!("/v1/keys/{id}")).expect(200);

    let rotated = owner.rotate(&id, 3600).expect(200);
    let new = rotated["api_key"].text();
    assert!(new != old && new.starts_with("tk_live_") && new.len() == 72);
    for same in ["id", "name", "scopes", "environment", "status", "created_at", "expires_at"] {
        assert_eq!(rotated["key"][same], before[same], "{same}");
    }
    assert_eq!(rotated["key"]["hint"], format!("{}…", &new[..16]));
    let secrets = rotated["key"]["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 2);
    assert_eq!(secrets[0]["retires_at"], json!(null));
    assert_eq!(secrets[1]["hint"], before["hint"]);
    assert!(secrets[1]["retires_at"].text().ends_with('Z'));
    assert_eq!(owner.get("/v1/organization").expect(200)["keys_in_use"], 2);

    let (old, new) = (server.client().with_key(old), server.client().with_key(new));
    for client in [&old, &new] {
        assert_eq!(client.get("/v1/whoami").expect(200)["key_id"], id.as_str());
    }
    let retired = owner.act(&id, "retire").expect(200);
    assert!(retired["secrets"][1]["retires_at"].text() < secrets[1]["retires_at"].text());
    old.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    new.get("/v1/whoami").expect(200);
    // To retire what has retired is no error.
    let again = owner.act(&id, "retire").expect(200);
    for place in 0..2 {
        // What was counted meanwhile may have been written down.
        let end = |key: &Value| key["secrets"][place]["retires_at"].clone();
        assert_eq!(end(&again), end(&retired));
    }

    let events = owner.get(&format!("/v1/audit/events?key={id}")).expect(200);
    let [retired, rotated, _] = &events["events"].as_array().unwrap()[..] else {
        panic!("{events}");
    };
    assert_eq!(
        (&rotated["action"], &retired["action"]),
        (&json!("key.rotated"), &json!("key.retired"))
    );
    assert_eq!(rotated["details"]["overlap_ends"], secrets[1]["retires_at"]);
}

#[test]
fn without_overlap_the_old_secret_is_refused_at_once() {
    let (_directory, server, owner) = demo();
    let (id, mut key) = owner.create_key("live", &["org:read"]);
    for _ in 0..10 {
        let old = server.client().with_key(key);
        old.get("/v1/whoami").expect(200);
        key = owner.rotate(&id, 0).expect(200)["api_key"].text();
        old.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
        server.client().with_key(key.clone()).get("/v1/whoami").expect(200);
    }
}

#[test]
fn third_secret_is_a_conflict_that_says_when_the_old_one_ends() {
    let (_directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["org:read"]);
    let rotated = owner.rotate(&id, 604_800).expect(200);
    let message = owner.rotate(&id, 0).expect_error(409, "CONFLICT");
    let ends = rotated["key"]["secrets"][1]["retires_at"].text();
    assert!(message.contains(&ends), "{message}");
    owner.act(&id, "retire").expect(200);
    owner.rotate(&id, 0).expect(200);
}

#[test]
fn key_is_rotated_at_the_limit_of_the_plan() {
    let (_directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["org:read"]);
    owner.create_key("live", &["org:read"]);
    owner.patch("/v1/organization", &json!({ "plan": "free" })).expect(200);
    let request = json!({ "name": "x", "environment": "live", "scopes": ["org:read"] });
    owner.post("/v1/keys", &request).expect_error(403, "PLAN_LIMIT_REACHED");
    owner.rotate(&id, 60).expect(200);
}

fn rotate_once(client: &Client, id: &str, token: &str, overlap: u64) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", token)];
    let body = json!({ "overlap_seconds": overlap }).to_string();
    client.call("POST", &format!("/v1/keys/{id}/rotate"), &headers, &body)
}

#[test]
fn repeated_rotation_rotates_once() {
    let (_directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["org:read"]);
    let first = rotate_once(&owner, &id, "monday", 60).expect(200);
    assert!(first["api_key"].is_string());
    let again = rotate_once(&owner, &id, "monday", 60).expect(200);
    assert_eq!(again, json!({ "key": first["key"], "api_key": null }));
    rotate_once(&owner, &id, "monday", 61).expect_error(409, "CONFLICT");
    let (other, _) = owner.create_key("live", &["org:read"]);
    rotate_once(&owner, &other, "monday", 60).expect_error(409, "CONFLICT");
}

/// The answer has the plaintext of whatever key was named, so `org:write` must not be enough.
#[test]
fn key_rotates_none_that_may_do_more_than_itself() {
    let (_directory, server, owner) = demo();
    let (strong, _) = owner.create_key("live", &["*:*"]);
    let (equal, _) = owner.create_key("live", &["org:write"]);
    let clerk = server.client().with_key(owner.create_key("live", &["org:write"]).1);
    let message = clerk.rotate(&strong, 0).expect_error(403, "FORBIDDEN");
    assert!(message.contains("shield:read"), "{message}");
    clerk.rotate(&equal, 0).expect(200);
}

#[test]
fn overlaps_are_whole_seconds_up_to_seven_days() {
    let (_directory, server, owner) = demo();
    let (id, key) = owner.create_key("live", &["org:read"]);
    let rotate = format!("/v1/keys/{id}/rotate");
    for overlap in [
        json!(604_801),
        json!(u64::MAX),
        json!(-1),
        json!(1.5),
        json!(60.0),
        json!("60"),
        json!(null),
        json!([60]),
        json!(true),
    ] {
        let body = json!({ "overlap_seconds": overlap });
        let message = owner.post(&rotate, &body).expect_error(400, "BAD_REQUEST");
        assert!(message.starts_with("overlap_seconds: "), "{overlap}: {message}");
    }
    let json_type = [("content-type", "application/json")];
    for body in [r#"{"overlap_seconds":1e400}"#, r#"{"overlap_seconds":184467440737095516160}"#] {
        owner.call("POST", &rotate, &json_type, body).expect_error(400, "BAD_REQUEST");
    }
    owner.post(&rotate, &json!({})).expect_error(400, "BAD_REQUEST");
    owner.call("POST", &rotate, &[], "").expect_error(400, "BAD_REQUEST");
    let body = json!({ "overlap_seconds": 0, "overlap": "1d" });
    let message = owner.post(&rotate, &body).expect_error(400, "BAD_REQUEST");
    assert!(message.contains("overlap"), "{message}");
    server.client().with_key(key).get("/v1/whoami").expect(200);
}

/// A new secret of it would be refused as well.
#[test]
fn expired_key_is_not_rotated_and_no_old_secret_outlives_its_key() {
    let (_directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["org:read"]);
    let path = format!("/v1/keys/{id}");
    let expire = |seconds: u64| {
        owner.patch(&path, &json!({ "expires_in_seconds": seconds })).expect(200)["expires_at"]
            .text()
    };
    let end = expire(3_600);
    let rotated = owner.rotate(&id, 7_200).expect(200);
    assert_eq!(rotated["key"]["secrets"][1]["retires_at"], end);
    let end = expire(60);
    let shown = owner.get(&path).expect(200);
    assert_eq!(shown["secrets"][1]["retires_at"], end);

    owner.patch(&path, &json!({ "expires_at": "2020-01-01T00:00:00Z" })).expect(200);
    let message = owner.rotate(&id, 0).expect_error(409, "CONFLICT");
    assert!(message.contains("expired at 2020-01-01T00:00:00Z"), "{message}");
}
