use serde_json::json;

use crate::client::Text;
use crate::operator::Operator;
use crate::server::demo;

#[test]
fn scan_tells_where_keys_stand_and_which_are_live() {
    let (directory, server, owner) = demo();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "pro");
    let strangers = operator.create_key("acme", "live");
    let (id, revoked) = owner.create_key("test", &["org:read"]);
    owner.post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    let own = server.first_key.clone().unwrap();
    let unknown = format!("tk_test_{}", "0".repeat(64));

    let content = format!("é a={own}\nb={revoked};{strangers}{unknown}");
    let scan = owner
        .post("/v1/shield/scans", &json!({ "content": content, "filename": ".env" }))
        .expect(201);
    let findings = scan["findings"].as_array().unwrap();
    let found: Vec<_> = findings
        .iter()
        .map(|finding| {
            let at = |name: &str| usize::try_from(finding[name].as_u64().unwrap()).unwrap();
            (&content[at("start")..at("end")], finding["live"].as_bool().unwrap())
        })
        .collect();
    let expected = [(&own, true), (&revoked, false), (&strangers, false), (&unknown, false)];
    assert_eq!(found, expected.map(|(key, live)| (key.as_str(), live)));
    assert_eq!(findings[0]["hint"], format!("{}…", &own[..16]));

    let past = owner.get("/v1/shield/scans").expect(200);
    assert_eq!(past["scans"][0], scan);
    for key in [own, revoked, strangers, unknown] {
        assert!(!past.to_string().contains(&key));
    }
}

#[test]
fn body_full_of_keys_is_scanned() {
    let (_directory, _server, owner) = demo();
    let content = format!("tk_live_{}", "0a".repeat(32)).repeat(900);
    let scan = owner.post("/v1/shield/scans", &json!({ "content": content })).expect(201);
    assert_eq!(scan["findings"].as_array().unwrap().len(), 900);
}

#[test]
fn keys_are_refused_wherever_text_is_kept() {
    let (_directory, server, owner) = demo();
    let key = server.first_key.clone().unwrap();
    let scan = json!({ "content": "", "filename": format!("dump-{key}") });
    let new_key = json!({ "name": key, "environment": "live", "scopes": ["org:read"] });
    let (id, _) = owner.create_key("live", &["org:read"]);
    for answer in [
        owner.post("/v1/shield/scans", &scan),
        owner.post("/v1/keys", &new_key),
        owner.post(&format!("/v1/keys/{id}/revoke"), &json!({ "reason": format!("was {key}") })),
        owner.post("/v1/fleet/gateways", &json!({ "name": key })),
        owner.put("/v1/policies/pii", &json!({ "deep": [{ "er": key }] })),
        owner.patch("/v1/organization", &json!({ "name": key })),
    ] {
        let message = answer.expect_error(400, "BAD_REQUEST");
        assert!(message.contains("holds an API key"), "{message}");
        assert!(!message.contains(&key));
    }
    assert_eq!(owner.get(&format!("/v1/keys/{id}")).expect(200)["status"].text(), "active");
}

#[test]
fn policy_has_a_version_for_each_change() {
    let (_directory, _server, owner) = demo();
    let put = |mask: bool| owner.put("/v1/policies/pii", &json!({ "mask": mask }));
    assert_eq!(put(true).expect(201)["version"], 1);
    assert_eq!(put(true).expect(200)["version"], 1);
    assert_eq!(put(false).expect(200)["version"], 2);
    assert_eq!(owner.get("/v1/policies/pii").expect(200)["document"], json!({ "mask": false }));
    let events = owner.get("/v1/audit/events").expect(200);
    let edits = events["events"].as_array().unwrap().iter();
    let edits: Vec<_> = edits.filter(|event| event["action"] == "policy.edited").collect();
    assert_eq!(edits.len(), 2);
    let details = json!({ "name": "pii", "version": 2, "environment": "live" });
    assert_eq!(edits[0]["details"], details);
}
