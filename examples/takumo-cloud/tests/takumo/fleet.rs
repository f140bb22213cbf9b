//! The servers of one database, as nodes that tell what they have applied.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::binary::Serving;
use crate::client::{Client, Text};
use crate::operator::Operator;
use crate::server::demo;

/// The nodes, once there are so many.
#[track_caller]
fn nodes(client: &Client, number: usize) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let fleet = client.get("/v1/fleet/gateways").expect(200);
        let nodes = fleet["nodes"].as_array().unwrap().clone();
        if nodes.len() == number {
            return nodes;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{nodes:?}");
    }
}

#[test]
fn fleet_tells_of_registered_gateways() {
    let (_directory, _server, owner) = demo();
    let edge = json!({ "name": "edge-1", "region": "eu" });
    let gateway = owner.post("/v1/fleet/gateways", &edge).expect(201);
    owner.post("/v1/fleet/gateways", &edge).expect_error(409, "CONFLICT");
    let fleet = owner.get("/v1/fleet/gateways").expect(200);
    assert_eq!(fleet["gateways"], json!([gateway]));
}

#[test]
fn fleet_tells_of_every_server_until_it_stops() {
    let (directory, _here, owner) = demo();
    let there = Serving::start(directory.path(), &[]);
    let operator = Operator::new(directory.path());
    operator.stdout(&["organizations", "list"]);
    let nodes_there = nodes(&owner, 2);
    for node in &nodes_there {
        assert_eq!((&node["state"], &node["staleness_bound_ms"]), (&json!("live"), &json!(5_000)));
        for number in ["feed_position", "feed_lag", "staleness_ms"] {
            assert!(node[number].is_u64(), "{node}");
        }
        assert!(node["started_at"].text().parse::<jiff::Timestamp>().is_ok());
        assert!(node["last_report_at"].text().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(node["cache_in_use"].is_boolean(), node["answers"] == true, "{node}");
    }
    let answering = |nodes: &[Value]| -> Vec<Value> {
        nodes.iter().filter(|node| node["answers"] == true).map(|node| node["id"].clone()).collect()
    };
    let key = owner.create_key("live", &["fleet:read"]).1;
    let seen_there = nodes(&Client::new(&there.url).with_key(key), 2);
    assert_eq!((answering(&nodes_there).len(), answering(&seen_there).len()), (1, 1));
    assert_ne!(answering(&nodes_there), answering(&seen_there));

    let pid = there.pid().to_string();
    assert!(nodes_there.iter().any(|node| node["name"].text().ends_with(&format!(":{pid}"))));
    there.stop("TERM");
    let left = nodes(&owner, 1);
    assert_eq!(answering(&left), answering(&nodes_there));
}

#[test]
fn operator_is_told_when_every_running_server_refuses_the_key() {
    let (directory, here, owner) = demo();
    let there = Serving::start(directory.path(), &[]);
    nodes(&owner, 2);
    let operator = Operator::new(directory.path());
    for _ in 0..3 {
        let (id, key) = owner.create_key("live", &["org:read"]);
        let clients = [here.client(), Client::new(&there.url)].map(|client| client.with_key(&key));
        for client in &clients {
            client.get("/v1/whoami").expect(200);
        }
        let revoked =
            operator.json(&["keys", "revoke", "--organization=demo", &id, "--confirm", "20s"]);
        for client in &clients {
            client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
        }
        assert_eq!(revoked["status"], "revoked");
        let confirmation = &revoked["confirmation"];
        assert_eq!(confirmation["in_force"], true, "{confirmation}");
        assert_eq!(confirmation["bound_passed"], false, "{confirmation}");
        let states = confirmation["nodes"].as_array().unwrap().iter();
        let states: Vec<_> = states.map(|node| node["state"].text()).collect();
        assert_eq!(states, ["applied", "applied"]);
    }
    let (id, _) = owner.create_key("live", &["org:read"]);
    let output = operator.run(&["keys", "revoke", "--organization=demo", &id, "--confirm"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("every running server refuses it"), "{said}");
}

#[test]
fn operator_is_told_which_server_has_not_answered() {
    let (directory, _here, owner) = demo();
    let there = Serving::start(directory.path(), &[]);
    nodes(&owner, 2);
    let (id, _) = owner.create_key("live", &["org:read"]);
    let pid = there.pid().to_string();
    let signal = |name| {
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    };
    let operator = Operator::new(directory.path());
    let revoke = ["keys", "revoke", "--organization=demo", &id, "--confirm", "300ms"];
    let start = Instant::now();
    let (output, printed, said) = loop {
        signal("STOP");
        let output = operator.run(&revoke);
        let [printed, said] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8(text.clone()).unwrap());
        // It was stopped amid a write, and nobody else writes to its file: this is of another moment.
        if !said.contains("database is locked") {
            break (output, printed, said);
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{said}");
        signal("CONT");
        owner.get("/v1/keys").expect(200);
    };
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("it is revoked; not every server has said that it knows"), "{said}");
    let of_it = printed.lines().find(|line| line.contains(&format!(":{pid} "))).unwrap();
    assert!(of_it.contains("not applied as of"), "{of_it}");

    signal("CONT");
    let again = operator.json(&["keys", "revoke", "--organization=demo", &id, "--confirm", "20s"]);
    assert_eq!(again["confirmation"]["in_force"], true);
}

#[test]
fn client_may_wait_for_a_confirmation() {
    let (directory, _here, owner) = demo();
    let there = Serving::start(directory.path(), &[]);
    nodes(&owner, 2);
    let manager = owner.create_key("live", &["org:write", "org:read"]).1;
    let manager = owner.with_key(manager);
    for (caller, sees_nodes) in [(&owner, true), (&manager, false)] {
        let (id, key) = owner.create_key("live", &["org:read"]);
        let elsewhere = Client::new(&there.url).with_key(key);
        elsewhere.get("/v1/whoami").expect(200);
        let path = format!("/v1/keys/{id}/revoke");
        let revoked = caller.post(&path, &json!({ "confirm_within_seconds": 20 })).expect(200);
        elsewhere.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
        assert_eq!((&revoked["id"], &revoked["status"]), (&json!(id), &json!("revoked")));
        let confirmation = &revoked["confirmation"];
        assert_eq!(confirmation["in_force"], true, "{confirmation}");
        for node in confirmation["nodes"].as_array().unwrap() {
            assert_eq!(node["state"], "applied");
            assert_eq!(node["id"].is_string() && node["name"].is_string(), sees_nodes, "{node}");
        }
        let plainly = caller.post(&path, &json!({})).expect(200);
        assert!(plainly.get("confirmation").is_none());
    }
    let (id, _) = owner.create_key("live", &["org:read"]);
    for bad in [json!(31), json!(-1), json!("5"), json!(1.5)] {
        let answer = owner
            .post(&format!("/v1/keys/{id}/revoke"), &json!({ "confirm_within_seconds": bad }))
            .expect_error(400, "BAD_REQUEST");
        assert!(answer.contains("confirm_within_seconds"), "{answer}");
    }
}
