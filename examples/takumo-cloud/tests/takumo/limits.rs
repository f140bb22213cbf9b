use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::client::{Client, Text};
use crate::server::{TestServer, demo};

#[test]
fn racing_creators_never_overshoot_the_plan() {
    const CREATORS: usize = 16;
    const ROUNDS: usize = 5;
    let directory = tempfile::tempdir().unwrap();
    let servers = [TestServer::start(directory.path()), TestServer::start(directory.path())];
    let key = servers[0].first_key.clone().unwrap();
    let owners = servers.each_ref().map(|server| server.client().with_key(key.clone()));
    let request = json!({ "name": "racer", "environment": "live", "scopes": ["org:read"] });

    for _ in 0..ROUNDS {
        let (made, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for creator in 0..CREATORS {
                let owner = &owners[creator % 2];
                let (made, refused, request) = (&made, &refused, &request);
                scope.spawn(move || match owner.post("/v1/keys", request) {
                    answer if answer.status == 201 => made.fetch_add(1, Ordering::Relaxed),
                    answer => {
                        answer.expect_error(403, "PLAN_LIMIT_REACHED");
                        refused.fetch_add(1, Ordering::Relaxed)
                    }
                });
            }
        });
        // The Free plan has 3, and the first key holds one.
        assert_eq!((made.into_inner(), refused.into_inner()), (2, CREATORS - 2));
        assert_eq!(owners[0].get("/v1/organization").expect(200)["keys_in_use"], 3);
        revoke_racers(&owners[0]);
    }
}

#[test]
fn larger_plan_makes_room_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = TestServer::start(directory.path());
    let owner = server.client().with_key(server.first_key.clone().unwrap());
    let request = json!({ "name": "x", "environment": "test", "scopes": ["org:read"] });
    for _ in 0..2 {
        owner.post("/v1/keys", &request).expect(201);
    }
    owner.post("/v1/keys", &request).expect_error(403, "PLAN_LIMIT_REACHED");
    let developer = owner.patch("/v1/organization", &json!({ "plan": "developer" })).expect(200);
    assert_eq!((&developer["key_limit"], &developer["keys_in_use"]), (&json!(10), &json!(3)));
    owner.post("/v1/keys", &request).expect(201);

    let events = owner.get("/v1/audit/events").expect(200);
    let edited = find(&events["events"], "action", "organization.edited");
    assert_eq!(edited["details"], json!({ "plan": { "from": "free", "to": "developer" } }));
    let smaller = owner.patch("/v1/organization", &json!({ "plan": "free" })).expect(200);
    assert_eq!((&smaller["key_limit"], &smaller["keys_in_use"]), (&json!(3), &json!(4)));
    owner.post("/v1/keys", &request).expect_error(403, "PLAN_LIMIT_REACHED");
}

#[test]
fn enterprise_has_no_limit() {
    let (_directory, _server, owner) = demo();
    let organization = owner.get("/v1/organization").expect(200);
    assert_eq!(organization["key_limit"], Value::Null);
    for _ in 0..25 {
        owner.create_key("test", &["org:read"]);
    }
}

fn revoke_racers(owner: &Client) {
    let page = owner.get("/v1/keys?status=active").expect(200);
    for key in page["keys"].as_array().unwrap() {
        if key["name"] == "racer" {
            owner.post(&format!("/v1/keys/{}/revoke", key["id"].text()), &json!({})).expect(200);
        }
    }
}

fn find<'v>(list: &'v Value, name: &str, value: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|item| item[name] == value).unwrap()
}
