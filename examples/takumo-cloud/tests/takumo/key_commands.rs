//! What the operator does with keys and organizations that exist.

use serde_json::json;

use crate::client::Text;
use crate::operator::Operator;
use crate::server::TestServer;

const ACME: &str = "--organization=acme";

#[test]
fn operator_rotates_a_key_and_retires_its_old_secret() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    let old = operator.create_key("acme", "live");
    let id = operator.json(&["keys", "list", ACME])["keys"][0]["id"].text();

    let output = operator.run(&["keys", "rotate", ACME, "--overlap=1d", &id]);
    let (new, said) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let (new, said) = (new.unwrap(), said.unwrap());
    assert!(new.starts_with("tk_live_") && new.len() == 73, "the key stands alone");
    assert!(said.contains("the old one works until") && !said.contains(new.trim_end()), "{said}");
    let (code, message) = operator.failure(&["keys", "rotate", ACME, "--overlap=0", &id]);
    assert!(code == 5 && message.contains("it ends at 2"), "{message}");

    let shown = operator.stdout(&["keys", "show", ACME, &id]);
    assert!(shown.contains("newest") && shown.contains("retires 2"), "{shown}");
    let server = TestServer::start(directory.path());
    let status = |key: &str| server.client().with_key(key).get("/v1/whoami").status;
    assert_eq!((status(&old), status(new.trim_end())), (200, 200));
    operator.stdout(&["keys", "retire", ACME, &id]);
    drop(server);

    let rotated = operator.json(&["keys", "rotate", ACME, "--overlap=0", &id]);
    assert_eq!(rotated["key"]["id"], id.as_str());
    let server = TestServer::start(directory.path());
    let status = |key: &str| server.client().with_key(key).get("/v1/whoami").status;
    assert_eq!(status(&old), 401);
    assert_eq!(status(new.trim_end()), 401);
    assert_eq!(status(&rotated["api_key"].text()), 200);
}

#[test]
fn operator_disables_enables_and_edits_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    operator.create_key("acme", "test");
    let id = operator.json(&["keys", "list", ACME])["keys"][0]["id"].text();
    let status = |command: &str| operator.json(&["keys", command, ACME, &id])["status"].text();
    assert_eq!(status("disable"), "disabled");
    assert_eq!(status("enable"), "active");

    let edit = |change: &[&str]| {
        let fixed = ["keys", "edit", ACME, &id];
        operator.json(&[&fixed[..], change].concat())
    };
    let edited = edit(&["--name=renamed", "--scope=org:read", "--scope=shield:*"]);
    assert_eq!(edited["name"], "renamed");
    assert_eq!(edited["scopes"], json!(["shield:read", "shield:write", "org:read"]));
    let edited = edit(&["--expires-at=2999-01-31"]);
    assert_eq!(edited["expires_at"], "2999-01-31T00:00:00Z");
    assert_eq!(edited["name"], "renamed", "what is not named stays");
    assert_eq!(edit(&["--never-expires"])["expires_at"], json!(null));
    assert!(edit(&["--expires-in=90d"])["expires_at"].is_string());
    let log = operator.stdout(&["audit", ACME, "--action=key.edited"]);
    assert!(log.contains("\"to\":\"2999-01-31T00:00:00Z\""), "{log}");

    operator.stdout(&["keys", "revoke", ACME, &id]);
    operator.stdout(&["keys", "revoke", ACME, &id]);
    let code = |arguments: &[&str]| operator.failure(arguments).0;
    for command in ["retire", "disable", "enable"] {
        assert_eq!(code(&["keys", command, ACME, &id]), 5, "{command}");
    }
    assert_eq!(code(&["keys", "edit", ACME, &id, "--name=x"]), 5);
    assert_eq!(code(&["keys", "rotate", ACME, &id, "--overlap=0"]), 5);
}

#[test]
fn wrong_arguments_are_told_before_anything_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    operator.create_key("acme", "live");
    let id = operator.json(&["keys", "list", ACME])["keys"][0]["id"].text();
    let code = |arguments: &[&str]| operator.failure(arguments).0;
    for overlap in ["", "604801s", "8d", "-1s", "1.5", "1 month", "60"] {
        let overlap = format!("--overlap={overlap}");
        assert_eq!(code(&["keys", "rotate", ACME, &id, &overlap]), 2, "{overlap}");
    }
    assert_eq!(code(&["keys", "rotate", ACME, &id]), 2);
    assert_eq!(code(&["keys", "edit", ACME, &id]), 2);
    for change in [
        &["--name="][..],
        &["--scope=org:fly"],
        &["--expires-at=soon"],
        &["--expires-in=1d", "--never-expires"],
        &["--expires-in=1d", "--expires-at=2999-01-01"],
    ] {
        let fixed = ["keys", "edit", ACME, &id];
        assert_eq!(code(&[&fixed[..], change].concat()), 2, "{change:?}");
    }
    let nobody = "0190a6e4-5b2c-7d3e-8f40-112233445566";
    for command in ["show", "retire", "disable", "enable", "revoke"] {
        assert_eq!(code(&["keys", command, ACME, nobody]), 3, "{command}");
    }
    assert_eq!(code(&["keys", "rotate", ACME, nobody, "--overlap=0"]), 3);
    assert_eq!(code(&["keys", "edit", ACME, nobody, "--name=x"]), 3);
    assert_eq!(operator.json(&["keys", "show", ACME, &id])["status"], "active");
}

#[test]
fn key_on_the_command_line_is_refused_and_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    let key = operator.create_key("acme", "live");
    for command in ["show", "disable", "revoke"] {
        let (code, message) = operator.failure(&["keys", command, ACME, &key]);
        assert_eq!(code, 2);
        assert!(!message.contains(&key[16..]), "{message}");
    }
}

#[test]
fn operator_edits_and_deletes_an_organization() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "free");
    operator.create_organization("other", "free");
    let [key, other] = ["acme", "other"].map(|id| operator.create_key(id, "live"));
    let edited = operator.json(&["organizations", "edit", "acme", "--plan=pro", "--name=Acme"]);
    assert_eq!(edited["organizations"][0]["key_limit"], 20);
    assert_eq!(edited["organizations"][0]["name"], "Acme");

    let code = |arguments: &[&str]| operator.failure(arguments).0;
    assert_eq!(code(&["organizations", "edit", "acme"]), 2);
    assert_eq!(code(&["organizations", "edit", "acme", "--plan=gold"]), 2);
    assert_eq!(code(&["organizations", "edit", "nobody", "--plan=pro"]), 3);
    assert_eq!(code(&["organizations", "delete", "acme"]), 2);
    assert_eq!(code(&["organizations", "delete", "acme", "--confirm=other"]), 2);
    assert_eq!(code(&["organizations", "delete", "nobody", "--confirm=nobody"]), 3);

    operator.stdout(&["organizations", "delete", "acme", "--confirm=acme"]);
    assert_eq!(code(&["organizations", "delete", "acme", "--confirm=acme"]), 3);
    let left = operator.json(&["organizations", "list"]);
    assert_eq!(left["organizations"].as_array().unwrap().len(), 1);
    let server = TestServer::start(directory.path());
    server.client().with_key(key).get("/v1/whoami").expect_error(401, "UNAUTHORIZED");
    server.client().with_key(other).get("/v1/whoami").expect(200);
}
