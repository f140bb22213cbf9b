use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::server::demo;

fn create(client: &Client, token: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", token)];
    client.call("POST", "/v1/keys", &headers, &body.to_string())
}

#[test]
fn repeated_request_makes_one_key() {
    let (_directory, _server, owner) = demo();
    let body = json!({ "name": "once", "environment": "live", "scopes": ["org:read"] });
    let first = create(&owner, "deploy-42", &body).expect(201);
    let again = create(&owner, "deploy-42", &body).expect(200);
    assert_eq!(again, json!({ "key": first["key"], "api_key": null }));
    assert_eq!(owner.get("/v1/organization").expect(200)["keys_in_use"], 2);

    let other = json!({ "name": "other", "environment": "live", "scopes": ["org:read"] });
    create(&owner, "deploy-42", &other).expect_error(409, "CONFLICT");
    create(&owner, "deploy-43", &other).expect(201);
}

#[test]
fn racing_repeats_make_one_key() {
    let (_directory, _server, owner) = demo();
    let body = json!({ "name": "once", "environment": "live", "scopes": ["org:read"] });
    let answers: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..12).map(|_| scope.spawn(|| create(&owner, "race", &body))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    assert!(answers.iter().all(|answer| answer.body["key"]["id"] == answers[0].body["key"]["id"]));
}

#[test]
fn malformed_tokens_are_refused() {
    let (_directory, server, owner) = demo();
    let body = json!({ "name": "x", "environment": "live", "scopes": ["org:read"] });
    let key = server.first_key.clone().unwrap();
    for token in ["", "two words", &"x".repeat(256), &key] {
        let message = create(&owner, token, &body).expect_error(400, "BAD_REQUEST");
        assert!(message.contains("Idempotency-Key"), "{message}");
        assert!(!message.contains(&key));
    }
}
