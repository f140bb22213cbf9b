use serde_json::json;

use crate::operator::Operator;
use crate::server::demo;

#[test]
fn deleted_organization_refuses_every_key_and_leaves_nothing() {
    let (directory, server, owner) = demo();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    let stranger = server.client().with_key(operator.create_key("acme", "live"));
    let keys: Vec<_> = ["live", "test"]
        .map(|environment| server.client().with_key(owner.create_key(environment, &["*:*"]).1))
        .into();
    owner.put("/v1/policies/pii", &json!({})).expect(201);
    owner.post("/v1/fleet/gateways", &json!({ "name": "edge" })).expect(201);
    owner.post("/v1/shield/scans", &json!({ "content": "" })).expect(201);
    for key in &keys {
        key.get("/v1/whoami").expect(200);
    }

    assert_eq!(owner.delete("/v1/organization", &json!({ "confirm": "demo" })).status, 204);
    for key in keys.iter().chain([&owner]) {
        key.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    }
    stranger.get("/v1/whoami").expect(200);
    assert_eq!(
        operator
            .failure(&[
                "keys",
                "create",
                "--organization=demo",
                "--name=x",
                "--environment=live",
                "--scope=org:read"
            ])
            .0,
        3
    );

    operator.create_organization("demo", "free");
    let heir = server.client().with_key(operator.create_key("demo", "live"));
    for key in keys.iter().chain([&owner]) {
        key.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    }
    for (path, list) in [
        ("/v1/policies", "policies"),
        ("/v1/fleet/gateways", "gateways"),
        ("/v1/shield/scans", "scans"),
    ] {
        assert_eq!(heir.get(path).expect(200)[list], json!([]), "{path}");
    }
    assert_eq!(heir.get("/v1/keys").expect(200)["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn deletion_must_name_the_organization() {
    let (_directory, server, owner) = demo();
    let path = "/v1/organization";
    for body in [
        json!({}),
        json!({ "confirm": "" }),
        json!({ "confirm": "acme" }),
        json!({ "confirm": "Demo" }),
        json!({ "confirm": true }),
        json!({ "confirm": "demo", "really": true }),
    ] {
        owner.delete(path, &body).expect_error(400, "BAD_REQUEST");
    }
    let confirmed = json!({ "confirm": "demo" });
    let test = server.client().with_key(owner.create_key("test", &["*:*"]).1);
    test.delete(path, &confirmed).expect_error(403, "FORBIDDEN");
    let reader = server.client().with_key(owner.create_key("live", &["org:read"]).1);
    reader.delete(path, &confirmed).expect_error(403, "FORBIDDEN");
    owner.get("/v1/whoami").expect(200);
}
