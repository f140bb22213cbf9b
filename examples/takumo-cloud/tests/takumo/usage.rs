use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use keyfob::{Hour, Outcome, Timestamp, UsageBatch, UsageCount, UsageRow};
use serde_json::{Value, json};

use crate::binary::{Serving, printed_key};
use crate::client::{Client, Text};
use crate::operator::Operator;
use crate::place;
use crate::server::demo;

/// Asks until the answer is the one that is waited for: usage is written down each second.
#[track_caller]
fn eventually(mut ask: impl FnMut() -> Value, good: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = ask();
        if good(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
        std::thread::yield_now();
    }
}

fn of_key(usage: &Value, id: &str) -> Value {
    let keys = usage["keys"].as_array().unwrap();
    keys.iter().find(|key| key["id"] == id).cloned().unwrap_or_default()
}

#[test]
fn usage_is_counted_by_key_and_in_total() {
    let (_directory, server, owner) = demo();
    let (id, key) = owner.create_key("live", &["shield:read"]);
    let client = server.client().with_key(key);
    for _ in 0..7 {
        client.get("/v1/whoami").expect(200);
    }
    // A good key that lacks the scope is refused like any other.
    client.get("/v1/policies").expect_error(403, "FORBIDDEN");
    owner.act(&id, "disable").expect(200);
    for _ in 0..3 {
        client.get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    }

    let usage = eventually(
        || owner.get("/v1/usage").expect(200),
        |usage| of_key(usage, &id)["refused"].as_u64() >= Some(4),
    );
    let own = of_key(&usage, &id);
    assert_eq!((&own["name"], &own["refused"]), (&json!("made-by-a-test"), &json!(4)));
    assert_eq!(own["accepted"], 7);
    assert_eq!(usage["granularity"], "hour");
    let buckets = usage["buckets"].as_array().unwrap();
    assert_eq!((buckets.len(), own["buckets"].as_array().unwrap().len()), (24, 24));
    assert_eq!(usage["from"], buckets[0]["start"]);
    let sum = |what: &str, of: &Value| -> u64 {
        of.as_array().unwrap().iter().map(|part| part[what].as_u64().unwrap()).sum()
    };
    for what in ["accepted", "refused"] {
        assert_eq!(usage["total"][what], sum(what, &usage["buckets"]));
        assert_eq!(usage["total"][what], sum(what, &usage["keys"]));
    }
}

#[test]
fn last_use_of_each_secret_is_told() {
    let (_directory, server, owner) = demo();
    let (id, old) = owner.create_key("live", &["org:read"]);
    let new = owner.rotate(&id, 600).expect(200)["api_key"].text();
    server.client().with_key(new).get("/v1/whoami").expect(200);
    let show = || owner.get(&format!("/v1/keys/{id}")).expect(200);
    let key = eventually(show, |key| key["secrets"][0]["last_used_at"].is_string());
    assert_eq!(key["secrets"][1]["last_used_at"], json!(null), "the old one is quiet");
    assert_eq!(key["last_used_at"], key["secrets"][0]["last_used_at"]);
    server.client().with_key(old).get("/v1/whoami").expect(200);
    eventually(show, |key| key["secrets"][1]["last_used_at"].is_string());
}

#[test]
fn ranges_and_granularities_are_read_strictly() {
    let (_directory, _server, owner) = demo();
    let days = owner
        .get("/v1/usage?from=2024-02-28T12:00:00Z&to=2024-03-01T00:00:00Z&granularity=day")
        .expect(200);
    assert_eq!(
        (&days["from"], &days["to"], &days["granularity"]),
        (&json!("2024-02-28T00:00:00Z"), &json!("2024-03-01T00:00:00Z"), &json!("day"))
    );
    assert_eq!(days["buckets"].as_array().unwrap().len(), 2, "the leap day, and the one before");
    assert_eq!(
        days["buckets"][0],
        json!({
            "start": "2024-02-28T00:00:00Z", "accepted": 0, "refused": 0, "saturated": false,
        })
    );
    let months =
        owner.get("/v1/usage?from=2023-12-31T23:59:59Z&to=2024-02-01T00:00:01Z&granularity=month");
    assert_eq!(months.expect(200)["buckets"].as_array().unwrap().len(), 3);

    for query in [
        "granularity=year",
        "granularity=HOUR",
        "granularity=",
        "granularity=hour&granularity=day",
        "from=yesterday",
        "from=2024-01-01",
        "from=1704067200",
        "from=",
        "to=2024-13-01T00:00:00Z",
        "to=2024-01-01T00:00:00",
        "from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z",
        "from=2024-01-01T00:00:00Z&to=2024-01-01T00:00:00Z",
        "from=2999-01-01T00:00:00Z",
        "from=1999-01-01T00:00:00Z&to=2024-01-01T00:00:00Z",
        "key=0190a6e4-5b2c-7d3e-8f40-112233445566",
    ] {
        owner.get(&format!("/v1/usage?{query}")).expect_error(400, "BAD_REQUEST");
    }
}

#[test]
fn test_key_is_told_of_test_keys_only() {
    let (_directory, server, live) = demo();
    let (test_id, test_key) = live.create_key("test", &["*:*"]);
    let test = server.client().with_key(test_key);
    let usage = eventually(
        || test.get("/v1/usage").expect(200),
        |usage| usage["keys"].as_array().unwrap().len() == 1,
    );
    assert_eq!(usage["keys"][0]["id"], test_id.as_str());
    assert_eq!(usage["total"]["accepted"], usage["keys"][0]["accepted"]);
    let both = live.get("/v1/usage").expect(200);
    assert_eq!(both["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn clean_stop_loses_no_usage() {
    let directory = tempfile::tempdir().unwrap();
    let (_, printed, _) = Serving::start(directory.path(), &[]).stop("TERM");
    let key = printed_key(&printed).unwrap().to_owned();
    let operator = Operator::new(directory.path());
    let mut sent = 0;
    for signal in ["TERM", "INT"] {
        let serving = Serving::start(directory.path(), &[]);
        let client = Client::new(&serving.url).with_key(key.clone());
        for _ in 0..137 {
            client.get("/v1/whoami").expect(200);
        }
        sent += 137;
        assert!(serving.stop(signal).0.success());
        let usage = operator.json(&["usage", "--organization=demo"]);
        assert_eq!(
            usage["total"],
            json!({ "accepted": sent, "refused": 0, "saturated": false }),
            "{signal}"
        );
    }
}

#[test]
fn operator_sees_and_prunes_usage() {
    let directory = tempfile::tempdir().unwrap();
    let (_, printed, _) = Serving::start(directory.path(), &[]).stop("TERM");
    let serving = Serving::start(directory.path(), &[]);
    let client = Client::new(&serving.url).with_key(printed_key(&printed).unwrap());
    client.get("/v1/whoami").expect(200);
    serving.stop("TERM");

    let operator = Operator::new(directory.path());
    let table = operator.stdout(&["usage", "--organization=demo", "--granularity=day"]);
    assert!(table.contains("first-key") && table.contains("total"), "{table}");
    let month = operator.json(&["usage", "--organization=demo", "--granularity=month"]);
    assert_eq!(month["total"]["accepted"], 1);

    let code = |arguments: &[&str]| operator.failure(arguments).0;
    assert_eq!(code(&["usage"]), 2);
    assert_eq!(code(&["usage", "--organization=nobody"]), 3);
    assert_eq!(code(&["usage", "--organization=demo", "--granularity=year"]), 2);
    assert_eq!(code(&["usage", "--organization=demo", "--from=soon"]), 2);
    assert_eq!(code(&["usage", "--organization=demo", "--from=2030-01-02", "--to=2030-01-01"]), 2);
    assert_eq!(code(&["usage", "prune"]), 2);
    assert_eq!(code(&["usage", "prune", "--before=never"]), 2);

    assert_eq!(operator.json(&["usage", "prune", "--before=2020-01-01"])["pruned"], 0);
    assert!(operator.json(&["usage", "prune", "--before=2999-01-01"])["pruned"].as_u64() > Some(0));
    let usage = operator.json(&["usage", "--organization=demo"]);
    assert_eq!(usage["total"], json!({ "accepted": 0, "refused": 0, "saturated": false }));
}

/// Adds refusals of these keys of `demo` to this hour.
fn add_refusals(directory: &Path, counts: &[(&str, u64)]) {
    let now = Timestamp::from(SystemTime::now());
    let count = |(key, count): &(&str, u64)| UsageCount {
        organization: "demo".parse().unwrap(),
        key: key.parse().unwrap(),
        secret: 1,
        hour: Hour::of(now),
        outcome: Outcome::Disabled,
        count: *count,
        last_at: now,
    };
    let batch = UsageBatch { id: [7; 16], at: now, counts: counts.iter().map(count).collect() };
    place::record_usage(directory, &batch);
}

#[test]
fn counts_that_stopped_at_their_end_are_told_as_saturated() {
    let (directory, server, owner) = demo();
    let (full, _) = owner.create_key("test", &["org:read"]);
    let (as_full, key) = owner.create_key("test", &["org:read"]);
    let (other, _) = owner.create_key("live", &["org:read"]);
    let query = ["usage", "--organization=demo"];
    let operator = Operator::new(directory.path());
    assert!(operator.run(&query).stderr.is_empty());
    let most = UsageRow::MOST;
    add_refusals(directory.path(), &[(&full, most), (&as_full, u64::MAX), (&other, 5)]);

    // A test key is told of test keys, whose sums are made anew.
    for client in [&owner, &server.client().with_key(key)] {
        let usage = client.get("/v1/usage").expect(200);
        assert_eq!(
            (&usage["total"]["refused"], &usage["total"]["saturated"]),
            (&json!(most), &json!(true))
        );
        let last = usage["buckets"].as_array().unwrap().iter().rfind(|at| at["refused"] != 0);
        assert_eq!(last.unwrap()["saturated"], true);
        assert_eq!(usage["buckets"][0]["saturated"], false);
        for id in [&full, &as_full] {
            let key = of_key(&usage, id);
            assert_eq!((&key["refused"], &key["saturated"]), (&json!(most), &json!(true)));
        }
        assert!(of_key(&usage, &other)["saturated"] != true, "{usage}");
    }

    let output = operator.run(&query);
    let (told, noted) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    assert!(told.unwrap().contains(&most.to_string()));
    let noted = noted.unwrap();
    assert!(noted.lines().count() == 1 && noted.contains("there may have been more"), "{noted}");
    let output = operator.run(&[&query[..], &["--json"]].concat());
    let usage: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(usage["total"]["saturated"], true);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), noted);
}
