use serde_json::{Value, json};

use crate::client::{Client, Text};
use crate::operator::Operator;
use crate::server::demo;

/// Reads every page of a list and answers with all records, each page being full but the last.
fn pages(client: &Client, path: &str, list: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..100 {
        let page = client.get(&format!("{path}?limit={limit}{cursor}")).expect(200);
        let items = page[list].as_array().unwrap();
        assert!(items.len() <= limit);
        all.extend(items.iter().cloned());
        match &page["next_cursor"] {
            Value::Null => return all,
            next => {
                assert_eq!(items.len(), limit);
                cursor = format!("&cursor={}", next.text());
            }
        }
    }
    panic!("{path} has no end");
}

const LISTS: [(&str, &str, &str); 5] = [
    ("/v1/keys", "keys", "id"),
    ("/v1/audit/events", "events", "id"),
    ("/v1/shield/scans", "scans", "id"),
    ("/v1/fleet/gateways", "gateways", "id"),
    ("/v1/policies", "policies", "name"),
];

fn fill(client: &Client, records: usize) {
    for record in 0..records {
        client.create_key("live", &["org:read"]);
        client.post("/v1/shield/scans", &json!({ "content": "" })).expect(201);
        client
            .post("/v1/fleet/gateways", &json!({ "name": format!("gateway {record}") }))
            .expect(201);
        client.put(&format!("/v1/policies/p{record}"), &json!({})).expect(201);
    }
}

#[test]
fn pages_hold_each_record_once() {
    let (_directory, _server, client) = demo();
    fill(&client, 7);
    for (path, list, id) in LISTS {
        let whole = client.get(&format!("{path}?limit=200")).expect(200);
        let whole = whole[list].as_array().unwrap().clone();
        assert!(whole.len() >= 7, "{path}");
        for limit in [1, 3, whole.len(), whole.len() + 1] {
            let ids = |records: &[Value]| -> Vec<_> {
                records.iter().map(|record| record[id].text()).collect()
            };
            assert_eq!(ids(&pages(&client, path, list, limit)), ids(&whole), "{path} by {limit}");
        }
    }
}

#[test]
fn pages_repeat_and_skip_nothing_while_records_are_added() {
    let (_directory, _server, client) = demo();
    let mut before: Vec<_> = (0..4).map(|_| client.create_key("live", &["org:read"]).0).collect();
    let first = client.get("/v1/keys?limit=2").expect(200);
    client.create_key("live", &["org:read"]);
    let rest = format!("/v1/keys?limit=10&cursor={}", first["next_cursor"].text());
    let rest = client.get(&rest).expect(200);
    let mut seen: Vec<_> = [&first, &rest]
        .iter()
        .flat_map(|page| page["keys"].as_array().unwrap())
        .filter(|key| key["name"] == "made-by-a-test")
        .map(|key| key["id"].text())
        .collect();
    before.sort();
    seen.sort();
    assert_eq!(seen, before);
}

#[test]
fn cursor_works_in_its_own_list_of_its_own_organization() {
    let (directory, server, client) = demo();
    fill(&client, 2);
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "pro");
    let acme = server.client().with_key(operator.create_key("acme", "live"));

    let cursors = LISTS.map(|(path, _, _)| {
        client.get(&format!("{path}?limit=1")).expect(200)["next_cursor"].text()
    });
    for (own, (path, _, _)) in LISTS.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let with_cursor = format!("{path}?cursor={cursor}");
            assert_eq!(client.get(&with_cursor).status, if own == other { 200 } else { 400 });
            acme.get(&with_cursor).expect_error(400, "BAD_REQUEST");
        }
        for garbage in ["", "x", "00", "%00", "%F0%9F%94%91", &"ab".repeat(400), "../../etc"] {
            let message = client.get(&format!("{path}?cursor={garbage}"));
            let message = message.expect_error(400, "BAD_REQUEST");
            assert!(message.starts_with("cursor: "), "{path} {garbage}: {message}");
        }
    }
}

#[test]
fn limit_is_1_to_200() {
    let (_directory, _server, client) = demo();
    for (path, _, _) in LISTS {
        for good in ["1", "200"] {
            client.get(&format!("{path}?limit={good}")).expect(200);
        }
        for bad in ["0", "201", "-1", "+1", "1.0", "", "ten", "99999999999999999999"] {
            let answer = client.get(&format!("{path}?limit={bad}"));
            assert!(answer.expect_error(400, "BAD_REQUEST").starts_with("limit: "), "{bad}");
        }
        client.get(&format!("{path}?limit=1&limit=2")).expect_error(400, "BAD_REQUEST");
    }
}

#[test]
fn filters_add_up_and_unknown_ones_are_refused() {
    let (_directory, _server, client) = demo();
    let (revoked, _) = client.create_key("test", &["org:read"]);
    client.create_key("test", &["org:read"]);
    client.post(&format!("/v1/keys/{revoked}/revoke"), &json!({})).expect(200);
    for (query, count) in [
        ("environment=test", 2),
        ("environment=live", 1),
        ("status=revoked", 1),
        ("status=active", 2),
        ("status=active&environment=test", 1),
        ("status=expired", 0),
        ("status=disabled", 0),
    ] {
        let page = client.get(&format!("/v1/keys?{query}")).expect(200);
        assert_eq!(page["keys"].as_array().unwrap().len(), count, "{query}");
    }
    for bad in ["status=gone", "environment=prod", "page=2", "status=active&status=revoked"] {
        client.get(&format!("/v1/keys?{bad}")).expect_error(400, "BAD_REQUEST");
    }
}
