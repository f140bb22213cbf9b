use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::client::Text;
use crate::operator::Operator;
use crate::server::TestServer;

fn plaintext(environment: &str, digit: usize) -> String {
    format!("tk_{environment}_{}", format!("{digit:04x}").repeat(16))
}

fn sha256(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

fn import(operator: &Operator, file: &str) -> (i32, String) {
    operator.failure(&["keys", "import", "--organization=acme", file])
}

fn write(directory: &Path, file: &str, text: &str) {
    fs::write(directory.join(file), text).unwrap();
}

#[test]
fn imported_keys_work_with_their_old_plaintext() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "pro");
    let server = TestServer::start(directory.path());
    let (live, test) = (plaintext("live", 1), plaintext("test", 2));
    let client = |key: &str| server.client().with_key(key);
    client(&live).get("/v1/whoami").expect_error(401, "UNAUTHORIZED");

    let lines = [
        json!({ "sha256": sha256(&live), "name": "ci, old", "environment": "live",
                "scopes": ["shield:*"], "expires_at": "2999-01-01T00:00:00Z", "hint": &live[..16] }),
        json!({ "sha256": sha256(&test), "name": "laptop", "environment": "test",
                "scopes": ["org:read"] }),
    ];
    write(directory.path(), "keys.jsonl", &format!("{}\n{}\n", lines[0], lines[1]));
    let imported = operator.json(&["keys", "import", "--organization=acme", "keys.jsonl"]);
    assert_eq!(imported["keys"].as_array().unwrap().len(), 2);

    // The server had remembered that it knows no such key.
    let whoami = client(&live).get("/v1/whoami");
    let whoami =
        if whoami.status == 200 { whoami } else { soon(|| client(&live).get("/v1/whoami")) };
    let whoami = whoami.expect(200);
    assert_eq!(whoami["hint"], format!("{}…", &live[..16]));
    assert_eq!(whoami["scopes"], json!(["shield:read", "shield:write"]));
    assert_eq!(client(&test).get("/v1/whoami").expect(200)["hint"], "tk_test_…");
    let shown = operator.json(&["keys", "show", "--organization=acme", &whoami["key_id"].text()]);
    assert_eq!(shown["expires_at"], "2999-01-01T00:00:00Z");
    let audit = operator.json(&["audit", "--organization=acme", "--action=key.imported"]);
    assert_eq!(audit["events"].as_array().unwrap().len(), 2);

    // An imported key is a key: it rotates.
    let rotated = operator.stdout(&[
        "keys",
        "rotate",
        "--organization=acme",
        "--overlap=1h",
        &whoami["key_id"].text(),
    ]);
    client(&rotated).get("/v1/whoami").expect(200);
    client(&live).get("/v1/whoami").expect(200);
}

fn soon(ask: impl Fn() -> crate::client::Answer) -> crate::client::Answer {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        let answer = ask();
        if answer.status == 200 || std::time::Instant::now() > deadline {
            return answer;
        }
    }
}

#[test]
fn csv_from_standard_input_is_imported() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "enterprise");
    let keys: Vec<_> = (0..1200).map(|digit| plaintext("live", digit)).collect();
    let lines = keys.iter().enumerate().map(|(digit, key)| {
        let (hash, hint) = (sha256(key), &key[..16]);
        format!("\"key, {digit}\",{hash},live,shield:read org:*,{hint}…")
    });
    let header = "name,sha256,environment,scopes,hint".to_owned();
    let csv = std::iter::once(header).chain(lines).collect::<Vec<_>>().join("\n");
    let mut child = operator
        .command(&["keys", "import", "--organization=acme", "--format=csv", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(csv.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1200 keys were imported\n");
    assert!(output.stderr.is_empty(), "a progress bar where there is no terminal");

    let server = TestServer::start(directory.path());
    for key in [&keys[0], &keys[1199]] {
        server.client().with_key(key).get("/v1/whoami").expect(200);
    }
}

#[test]
fn everything_wrong_with_a_file_is_told_and_nothing_is_imported() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "pro");
    let [known, good, twice] = [1, 2, 3].map(|digit| sha256(&plaintext("live", digit)));
    let header = "sha256,name,environment,scopes,expires_at";
    write(directory.path(), "first.csv", &format!("{header}\n{known},first,live,org:read,\n"));
    operator.stdout(&["keys", "import", "--organization=acme", "first.csv"]);

    let leaked = plaintext("live", 9);
    let text = format!(
        "{header}\n\
         {good},good,live,org:read,\n\
         {known},known,live,org:read,\n\
         {twice},one,live,org:read,\n\
         {twice},two,live,org:read,\n\
         ABC,,nowhere,org:fly,soon\n\
         {leaked},leaked,live,org:read,\n\
         {good},cells\n\
         {good},\"quote,live,org:read,\n\
         {},past,test,org:read,2001-01-01T00:00:00Z\n",
        sha256("x")
    );
    write(directory.path(), "bad.csv", &text);
    let (code, report) = import(&operator, "bad.csv");
    assert_eq!(code, 7);
    for told in [
        "bad.csv:3: sha256: the database has",
        "bad.csv:5: sha256: is that of line 4",
        "bad.csv:6: sha256: ",
        "bad.csv:6: name: ",
        "bad.csv:6: environment: ",
        "bad.csv:6: scopes: ",
        "bad.csv:6: expires_at: ",
        "bad.csv:7: holds an API key in plaintext",
        "bad.csv:8: has 2 cells for 5 columns",
        "bad.csv:9: a quote is not closed",
        "bad.csv:10: expires_at: has passed",
        "7 lines are wrong",
    ] {
        assert!(report.contains(told), "{told}: {report}");
    }
    assert!(!report.contains("bad.csv:2:") && !report.contains("bad.csv:4:"), "{report}");
    assert!(!report.contains(&leaked[16..]) && !report.contains(&good[..16]), "{report}");
    let keys = operator.json(&["keys", "list", "--organization=acme"]);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn exit_codes_tell_what_is_wrong_with_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    let line = |digit: usize| {
        let hash = sha256(&plaintext("live", digit));
        json!({ "sha256": hash, "name": "x", "environment": "live", "scopes": ["org:read"] })
    };
    let lines = |digits: std::ops::Range<usize>| -> String {
        digits.map(|digit| line(digit).to_string()).collect::<Vec<_>>().join("\n")
    };
    write(directory.path(), "four.jsonl", &lines(0..4));
    let (code, report) = import(&operator, "four.jsonl");
    assert_eq!(code, 4);
    assert!(report.contains("4 keys") && report.contains("room for 3"), "{report}");

    write(directory.path(), "two.ndjson", &lines(0..2));
    operator.stdout(&["keys", "import", "--organization=acme", "two.ndjson"]);
    write(directory.path(), "one.jsonl", &lines(1..2));
    assert_eq!(import(&operator, "one.jsonl").0, 5);
    write(directory.path(), "torn.jsonl", "{\n");
    assert_eq!(import(&operator, "torn.jsonl").0, 7);
    write(directory.path(), "columns.csv", "sha256,label\n");
    assert_eq!(import(&operator, "columns.csv").0, 7);
    assert_eq!(import(&operator, "gone.jsonl").0, 1);
    assert_eq!(import(&operator, ".").0, 2);
    assert_eq!(import(&operator, "-").0, 2);
    write(directory.path(), "keys.txt", "");
    assert_eq!(import(&operator, "keys.txt").0, 2);
    let nobody = ["keys", "import", "--organization=nobody", "two.ndjson"];
    assert_eq!(operator.failure(&nobody).0, 3);

    // A file without keys is no mistake.
    write(directory.path(), "empty.csv", "");
    assert_eq!(
        operator.stdout(&["keys", "import", "--organization=acme", "empty.csv"]),
        "0 keys were imported"
    );
}
