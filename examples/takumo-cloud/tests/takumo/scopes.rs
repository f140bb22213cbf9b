use keyfob::Scope as _;
use serde_json::{Value, json};
use takumo_cloud::takumo::Scope;

use crate::client::{Answer, Client};
use crate::server::demo;

struct Route {
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
    needs: &'static str,
}

/// Every route that needs a scope. None of the bodies would be accepted: a request that is let
/// through is a 400 or a 404, and changes nothing.
fn routes() -> Vec<Route> {
    const NOBODY: &str = "/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566";
    const ACTIONS: [&str; 5] = [
        "/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566/rotate",
        "/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566/retire",
        "/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566/disable",
        "/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566/enable",
        "/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566/revoke",
    ];
    let get = |path, needs| Route { method: "GET", path, body: None, needs };
    let with_body =
        |method, path, needs| Route { method, path, body: Some(json!({ "x": 1 })), needs };
    let mut put_policy = with_body("PUT", "/v1/policies/Bad", "policy:write");
    put_policy.body = Some(json!({}));
    let mut routes = vec![
        get("/v1/organization", "org:read"),
        with_body("PATCH", "/v1/organization", "org:write"),
        with_body("DELETE", "/v1/organization", "org:write"),
        get("/v1/keys", "org:read"),
        get(NOBODY, "org:read"),
        with_body("POST", "/v1/keys", "org:write"),
        with_body("PATCH", NOBODY, "org:write"),
        get("/v1/usage?granularity=year", "org:read"),
        get("/v1/audit/events", "audit:read"),
        get("/v1/shield/scans", "shield:read"),
        with_body("POST", "/v1/shield/scans", "shield:write"),
        get("/v1/fleet/gateways", "fleet:read"),
        with_body("POST", "/v1/fleet/gateways", "fleet:write"),
        get("/v1/policies", "policy:read"),
        get("/v1/policies/none", "policy:read"),
        put_policy,
    ];
    routes.extend(ACTIONS.map(|path| with_body("POST", path, "org:write")));
    routes
}

#[test]
fn each_scope_opens_its_own_routes_and_no_other() {
    let (_directory, server, owner) = demo();
    let routes = routes();
    for scope in Scope::ALL {
        let guards = routes.iter().any(|route| route.needs == scope.name());
        assert!(guards, "{scope} guards nothing");
        let key = single_scope_key(&owner, scope.name());
        let client = server.client().with_key(key);
        client.get("/v1/whoami").expect(200);
        for route in &routes {
            let answer = call(&client, route);
            let what = format!("{} {} with {scope}", route.method, route.path);
            if route.needs == scope.name() {
                assert!(matches!(answer.status, 200 | 400 | 404), "{what}: {}", answer.status);
            } else {
                assert_eq!(answer.status, 403, "{what}");
                assert!(answer.expect_error(403, "FORBIDDEN").contains(route.needs), "{what}");
            }
        }
    }
}

#[test]
fn no_route_is_open_without_a_key() {
    let (_directory, server, _) = demo();
    for route in routes() {
        let answer = call(&server.client(), &route);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers.contains_key("www-authenticate"), "{}", route.path);
        answer.expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn key_grants_no_scope_that_it_lacks() {
    let (_directory, server, owner) = demo();
    let clerk = server.client().with_key(single_scope_key(&owner, "org:write"));
    let mut request = json!({ "name": "x", "environment": "live", "scopes": ["org:write"] });
    clerk.post("/v1/keys", &request).expect(201);
    for beyond in ["org:read", "*:write", "*:*"] {
        request["scopes"] = json!(["org:write", beyond]);
        let message = clerk.post("/v1/keys", &request).expect_error(403, "FORBIDDEN");
        assert!(message.contains("can't grant what it lacks"), "{message}");
    }
}

fn single_scope_key(owner: &Client, scope: &str) -> String {
    owner.create_key("live", &[scope]).1
}

fn call(client: &Client, route: &Route) -> Answer {
    match &route.body {
        Some(body) => client.send(route.method, route.path, body),
        None => client.call(route.method, route.path, &[], ""),
    }
}
