use std::process::Command;

use serde_json::json;

use crate::client::Text;
use crate::server::TestServer;

/// The story that the README tells, from an empty directory to a refused key.
#[test]
fn newcomer_issues_uses_and_revokes_a_key_in_the_first_minute() {
    let directory = tempfile::tempdir().unwrap();
    let server = TestServer::start(directory.path());
    let anyone = server.client();
    anyone.get("/healthz").expect(200);
    anyone.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");

    let owner = anyone.with_key(server.first_key.clone().unwrap());
    let me = owner.get("/v1/whoami").expect(200);
    assert_eq!(me["organization"], "demo");
    assert_eq!(me["scopes"].as_array().unwrap().len(), 9);

    let request = json!({
        "name": "ci-pipeline", "environment": "live", "scopes": ["shield:write"],
    });
    let created = owner.post("/v1/keys", &request).expect(201);
    let ci = anyone.with_key(created["api_key"].text());
    let scan = ci.post("/v1/shield/scans", &json!({ "content": "nothing here" })).expect(201);
    assert_eq!(scan["findings"], json!([]));

    let refused = ci.get("/v1/shield/scans");
    let challenge = refused.headers["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    assert!(refused.expect_error(403, "FORBIDDEN").contains("shield:read"));

    let id = created["key"]["id"].text();
    let revoked = owner.post(&format!("/v1/keys/{id}/revoke"), &json!({ "reason": "lost" }));
    let revoked = revoked.expect(200);
    assert_eq!(revoked["status"], "revoked");
    let refused = ci.post("/v1/shield/scans", &json!({ "content": "nothing here" }));
    assert!(refused.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    refused.expect_error(401, "UNAUTHORIZED");

    let again = owner.post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);

    let events = owner.get("/v1/audit/events").expect(200);
    let actions: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|event| event["action"].text()).collect();
    let told =
        ["key.revoked", "key.created", "member.added", "key.created", "organization.created"];
    assert_eq!(actions, told);
}

#[test]
fn session_of_the_readme_works_as_pasted() {
    let readme = include_str!("../../README.md");
    let session = readme.split("```sh\n").find(|block| block.starts_with("api=")).unwrap();
    let session = session.split("```").next().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let server = TestServer::start(directory.path());
    let output = Command::new("sh")
        .args(["-euc", &session.replace("127.0.0.1:8080", &server.address.to_string())])
        .env("TAKUMO_API_KEY", server.first_key.clone().unwrap())
        .env("no_proxy", "*")
        .output()
        .unwrap();
    let (out, errors) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&errors));
    let statuses: Vec<_> = out.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["201", "403", "401"], "{out}");
    for said in
        ["\"organization\":\"demo\"", "\"live\":true", "\"status\":\"revoked\"", "key.revoked"]
    {
        assert!(out.contains(said), "{said} is missing: {out}");
    }
}

#[test]
fn key_in_json_has_the_documented_fields() {
    let (_directory, _server, owner) = crate::server::demo();
    let request = json!({
        "name": "short", "environment": "test", "scopes": ["fleet:*"], "expires_in_seconds": 3600,
    });
    let created = owner.post("/v1/keys", &request).expect(201);
    let (key, secret) = (&created["key"], created["api_key"].text());
    let id = key["id"].text();
    assert_eq!(owner.get(&format!("/v1/keys/{id}")).expect(200), *key);

    let hint = format!("{}…", &secret[..16]);
    assert_eq!(key["hint"], hint);
    assert_eq!(key["scopes"], json!(["fleet:read", "fleet:write"]));
    assert_eq!(key["status"], "active");
    assert_eq!(key["revoked_at"], json!(null));
    assert!(key["created_by"].text().starts_with("key:"));
    let time = |name: &str| key[name].text().parse::<jiff::Timestamp>().unwrap();
    let life = time("expires_at").duration_since(time("created_at"));
    assert_eq!(life.as_secs(), 3600);
    let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let documented = "created_at created_by environment expires_at hint id last_used_at name \
                      revoked_at scopes secrets status";
    assert_eq!(names.join(" "), documented);
    let secrets = json!([{
        "hint": hint, "created_at": key["created_at"], "retires_at": null, "last_used_at": null,
    }]);
    assert_eq!(key["secrets"], secrets);
    assert!(!key.to_string().contains(&secret));
}

#[test]
fn second_start_makes_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let first = TestServer::start(directory.path());
    let key = first.first_key.clone().unwrap();
    drop(first);
    let second = TestServer::start(directory.path());
    assert_eq!(second.first_key, None);
    second.client().with_key(key).get("/v1/whoami").expect(200);
}

#[test]
fn servers_that_start_together_make_one_first_key() {
    let directory = tempfile::tempdir().unwrap();
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..4).map(|_| scope.spawn(|| TestServer::start(directory.path()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let keys: Vec<_> = servers.iter().filter_map(|server| server.first_key.clone()).collect();
    assert_eq!(keys.len(), 1);
    for server in &servers {
        server.client().with_key(keys[0].clone()).get("/v1/whoami").expect(200);
    }
}
