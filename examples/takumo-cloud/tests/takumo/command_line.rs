use std::fs;

use crate::binary::Serving;
use crate::client::Text;
use crate::operator::Operator;
use crate::place;

#[test]
fn operator_makes_shows_and_revokes_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    assert_eq!(operator.json(&["organizations", "list"])["organizations"][0]["key_limit"], 3);

    let made = operator.run(&[
        "keys",
        "create",
        "--organization=acme",
        "--name=ci",
        "--environment=live",
        "--scope=shield:*",
        "--scope=org:read",
        "--expires-in=90d",
    ]);
    let (key, said) = (String::from_utf8(made.stdout).unwrap(), String::from_utf8(made.stderr));
    assert!(key.starts_with("tk_live_") && key.len() == 73 && key.ends_with('\n'));
    assert!(!said.unwrap().contains(key.trim_end()));

    let list = operator.json(&["keys", "list", "--organization=acme"]);
    let listed = &list["keys"][0];
    assert_eq!(listed["name"], "ci");
    assert_eq!(listed["created_by"], "cli");
    let id = listed["id"].text();
    let table = operator.stdout(&["keys", "list", "--organization=acme"]);
    assert!(table.starts_with("ID") && table.contains(&id), "{table}");
    assert!(!table.contains(key.trim_end()));

    operator.stdout(&["keys", "revoke", "--organization=acme", &id, "--reason=left the team"]);
    let shown = operator.json(&["keys", "show", "--organization=acme", &id]);
    assert_eq!(shown["status"], "revoked");
    let audit = operator.json(&["audit", "--organization=acme"]);
    let actions: Vec<_> =
        audit["events"].as_array().unwrap().iter().map(|event| event["action"].text()).collect();
    assert_eq!(actions, ["key.revoked", "key.created", "organization.created"]);
    assert!(operator.stdout(&["audit", "--organization=acme"]).contains("left the team"));
}

#[test]
fn exit_codes_tell_scripts_what_happened() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    let (code, message) = operator.failure(&["organizations", "list"]);
    assert_eq!(code, 1);
    assert!(message.contains(place::MISSING), "{message}");

    operator.create_organization("acme", "free");
    let create = |organization: &str, scope: &str| {
        let organization = format!("--organization={organization}");
        let scope = format!("--scope={scope}");
        let fixed = ["keys", "create", "--name=x", "--environment=test"];
        let arguments = [&fixed[..], &[&organization, &scope]].concat();
        operator.run(&arguments).status.code()
    };
    assert_eq!(create("acme", "no:such"), Some(2));
    assert_eq!(create("nobody", "org:read"), Some(3));
    for _ in 0..3 {
        assert_eq!(create("acme", "org:read"), Some(0));
    }
    assert_eq!(create("acme", "org:read"), Some(4));

    let code = |arguments: &[&str]| operator.failure(arguments).0;
    let nobody = "0190a6e4-5b2c-7d3e-8f40-112233445566";
    assert_eq!(code(&["organizations", "create", "acme", "--plan=pro"]), 5);
    assert_eq!(code(&["organizations", "create", "b", "--plan=gold"]), 2);
    assert_eq!(code(&["keys", "show", "--organization=acme", nobody]), 3);
    assert_eq!(code(&["keys", "revoke", "--organization=acme", nobody]), 3);
    assert_eq!(code(&["keys", "show", "--organization=acme", "not-an-id"]), 2);
    assert_eq!(code(&["audit", "--organization=nobody"]), 3);
    assert_eq!(code(&["request", "/v1/whoami"]), 2);
}

#[test]
fn client_reads_its_key_from_the_environment_or_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), &[]);
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    let key = operator.create_key("acme", "live");
    let other = operator.create_key("demo", "live");

    fs::write(directory.path().join(".env"), format!("# the key\nTAKUMO_API_KEY={key}\n")).unwrap();
    let whoami = ["request", "/v1/whoami", "--url", &serving.url];
    let answer = operator.stdout(&whoami);
    assert!(answer.contains("\"acme\"") && !answer.contains(&key), "{answer}");

    let with_key = |key: &str, arguments: &[&str]| {
        let output = operator.command(arguments).env("TAKUMO_API_KEY", key).output().unwrap();
        let (out, error) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
        let (out, error) = (out.unwrap(), error.unwrap());
        assert!(!out.contains(key) && !error.contains(key), "{out}{error}");
        (output.status.code().unwrap(), out)
    };
    let (code, answer) = with_key(&other, &whoami);
    assert!(code == 0 && answer.contains("\"demo\""), "{answer}");

    let call = |path: &str, data: &str| {
        let arguments = ["request", path, "--url", &serving.url, "--json"];
        let data = if data.is_empty() { vec![] } else { vec!["--data", data] };
        with_key(&other, &[&arguments[..], &data].concat()).0
    };
    assert_eq!(call("/v1/keys", r#"{"name":"c","environment":"live","scopes":["org:read"]}"#), 0);
    assert_eq!(call("/v1/keys", r#"{"name":"c","environment":"live","scopes":["org:read"]}"#), 4);
    assert_eq!(call("/v1/keys/0190a6e4-5b2c-7d3e-8f40-112233445566", ""), 3);
    assert_eq!(call("/v1/keys", "{"), 1);
    let unknown = format!("tk_live_{}", "0".repeat(64));
    assert_eq!(with_key(&unknown, &whoami).0, 6);
    assert_eq!(with_key("tk_live_cut-short", &whoami).0, 2);
}

#[test]
fn client_sends_its_key_to_no_other_machine() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    let key = format!("tk_live_{}", "0".repeat(64));
    for url in [
        "http://example.com",
        "https://127.0.0.1:1",
        "http://127.0.0.1@example.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
    ] {
        let mut command = operator.command(&["request", "/v1/whoami", "--url", url]);
        let output = command.env("TAKUMO_API_KEY", &key).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}");
    }
}
