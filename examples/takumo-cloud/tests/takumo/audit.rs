use serde_json::{Value, json};

use crate::client::Text;
use crate::operator::Operator;
use crate::server::demo;

fn actions(answer: &Value) -> Vec<String> {
    answer["events"].as_array().unwrap().iter().map(|event| event["action"].text()).collect()
}

#[test]
fn log_is_filtered_by_key_actor_and_action() {
    let (_directory, server, owner) = demo();
    let (clerk_id, clerk) = owner.create_key("live", &["*:*"]);
    let clerk = server.client().with_key(clerk);
    let (id, _) = clerk.create_key("live", &["org:read"]);
    owner.act(&id, "disable").expect(200);
    clerk.act(&id, "enable").expect(200);

    let ask = |query: &str| actions(&owner.get(&format!("/v1/audit/events?{query}")).expect(200));
    assert_eq!(ask(&format!("key={id}")), ["key.enabled", "key.disabled", "key.created"]);
    assert_eq!(ask(&format!("actor=key:{clerk_id}")), ["key.enabled", "key.created"]);
    assert_eq!(ask(&format!("actor=key:{clerk_id}&action=key.created&key={id}")), ["key.created"]);
    assert_eq!(ask("action=organization.edited"), ["organization.edited"]);
    assert_eq!(ask("action=nothing.ever"), [""; 0]);
    assert_eq!(ask("actor=nobody"), [""; 0]);

    let first = owner.get(&format!("/v1/audit/events?key={id}&limit=2")).expect(200);
    let next = first["next_cursor"].text();
    assert_eq!(ask(&format!("key={id}&limit=2&cursor={next}")), ["key.created"]);

    for bad in ["key=x", "key=", "actor=", "action=revoked", "action=a.b.c", "action=", "what=1"] {
        let message = owner.get(&format!("/v1/audit/events?{bad}"));
        message.expect_error(400, "BAD_REQUEST");
    }
}

#[test]
fn export_has_the_whole_log_a_line_each() {
    let (directory, _server, owner) = demo();
    let (id, _) = owner.create_key("live", &["org:read"]);
    for name in 0..230 {
        let change = json!({ "name": format!("name {name}") });
        owner.patch(&format!("/v1/keys/{id}"), &change).expect(200);
    }
    let operator = Operator::new(directory.path());
    let export = |more: &[&str]| -> Vec<Value> {
        let fixed = ["audit", "--organization=demo", "--export=jsonl"];
        let lines = operator.stdout(&[&fixed[..], more].concat());
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = export(&[]);
    assert_eq!(all.len(), 235, "made, first key, owner, plan, key, and 230 edits");
    assert_eq!(all[0]["details"]["name"]["to"], "name 229", "newest first");
    assert_eq!(all[234]["action"], "organization.created");
    let ids: std::collections::HashSet<_> = all.iter().map(|event| event["id"].text()).collect();
    assert_eq!(ids.len(), all.len());
    assert_eq!(export(&["--limit=205"]).len(), 205);
    assert_eq!(export(&["--action=key.edited", &format!("--key={id}")]).len(), 230);
    assert_eq!(export(&["--actor=first-run"]).len(), 3);

    let shown = operator.json(&["audit", "--organization=demo"]);
    assert_eq!(actions(&shown).len(), 100);
    let code = |arguments: &[&str]| operator.failure(arguments).0;
    assert_eq!(code(&["audit", "--organization=nobody", "--export=jsonl"]), 3);
    assert_eq!(code(&["audit", "--organization=demo", "--export=xml"]), 2);
    assert_eq!(code(&["audit", "--organization=demo", "--action=revoked"]), 2);
}

#[test]
fn operator_reads_the_log_of_a_deleted_organization_and_nobody_else_does() {
    let (directory, server, owner) = demo();
    let operator = Operator::new(directory.path());
    let (id, _) = owner.create_key("live", &["org:read"]);
    owner.act(&id, "revoke").expect(200);
    assert_eq!(owner.delete("/v1/organization", &json!({ "confirm": "demo" })).status, 204);

    let all = ["audit", "--organization=demo", "--include-deleted"];
    let old = [
        "organization.deleted",
        "key.revoked",
        "key.created",
        "organization.edited",
        "member.added",
        "key.created",
        "organization.created",
    ];
    let shown = operator.json(&all);
    assert_eq!(actions(&shown), old);
    assert!(shown["events"].as_array().unwrap().iter().all(|event| event["deleted"] == true));
    assert!(shown["events"][0]["actor"].text().starts_with("key:"), "{shown}");
    let code = |arguments: &[&str]| operator.failure(arguments).0;
    assert_eq!(code(&["audit", "--organization=demo"]), 3);
    assert_eq!(code(&["audit", "--organization=Demo", "--include-deleted"]), 3);

    // Another one of its id, which has a log of its own.
    operator.create_organization("demo", "free");
    let heir = server.client().with_key(operator.create_key("demo", "live"));
    let new = ["key.created", "organization.created"];
    let over_http = |query: &str| heir.get(&format!("/v1/audit/events{query}")).expect(200);
    let seen = over_http("");
    assert_eq!(actions(&seen), new);
    assert!(seen["events"][0].get("deleted").is_none(), "{seen}");
    assert_eq!(actions(&over_http(&format!("?key={id}"))), [""; 0]);
    assert_eq!(actions(&over_http("?action=organization.deleted")), [""; 0]);
    let first = over_http("?limit=1");
    let rest = over_http(&format!("?limit=1&cursor={}", first["next_cursor"].text()));
    assert_eq!((actions(&rest), &rest["next_cursor"]), (vec![new[1].to_owned()], &Value::Null));
    for query in ["include_deleted=true", "history=with_deleted", "deleted=true"] {
        heir.get(&format!("/v1/audit/events?{query}")).expect_error(400, "BAD_REQUEST");
    }
    assert_eq!(actions(&operator.json(&all[..2])), new);

    let lines = operator.stdout(&[&all[..], &["--export=jsonl"]].concat());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let exported: Vec<_> = lines.iter().map(|event| event["action"].text()).collect();
    assert_eq!(exported, [&new[..], &old[..]].concat());
    let deleted: Vec<_> = lines.iter().map(|event| event["deleted"].as_bool().unwrap()).collect();
    assert_eq!(deleted, [[false; 2].as_slice(), &[true; 7]].concat());
    let of_key = operator.json(&[&all[..], &[&format!("--key={id}")]].concat());
    assert_eq!(actions(&of_key), ["key.revoked", "key.created"]);
    let table = operator.stdout(&[&all[..], &["--limit=3"]].concat());
    let first: Vec<_> = table.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(first, ["DELETED", "no", "no", "yes"], "{table}");
}
