//! Passwords in URLs, which nobody is shown.

use std::process::{Command, Output};

use crate::binary::Serving;
use crate::operator::Operator;
use crate::place;

/// Anybody is trusted by the server of the tests, with any password.
fn with_password(url: &str) -> String {
    url.replace("postgres://postgres@", "postgres://postgres:canary@")
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

#[test]
fn server_says_where_its_database_is_and_not_how_it_signs_in() {
    let directory = tempfile::tempdir().unwrap();
    let url = place::url(directory.path());
    place::is_at(directory.path(), with_password(&url));
    let notifications = with_password(&url);
    let environment = [
        ("TAKUMO_LOG", "trace"),
        ("TAKUMO_NOTIFICATIONS_URL", notifications.as_str()),
        ("TAKUMO_REPLICAS", ""),
    ];
    let (status, printed, log) = Serving::start(directory.path(), &environment).stop("TERM");
    assert!(status.success(), "{log}");
    let shown = url.replace("postgres@", "");
    assert!(printed.starts_with(&format!("takumo-cloud serves {shown} at http://")), "{printed}");
    assert!(!printed.contains("canary") && !log.contains("canary"), "{printed}{log}");
}

#[test]
fn database_that_is_not_there_is_told_of_without_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let url = with_password(&place::url(directory.path()));
    let nobody_listens = "postgres://postgres:canary@127.0.0.1:1/keys";
    let no_database = format!("{url}_of_nobody");
    let unreadable = "postgres://postgres:canary@127.0.0.1/keys?canary=canary";
    for (database, code) in [(nobody_listens, 1), (&no_database, 1), (unreadable, 2)] {
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["organizations", "list"]] {
            let mut command: Command = Operator::new(directory.path()).command(arguments);
            let output = command
                .env("TAKUMO_DATABASE", database)
                .env("TAKUMO_LOG", "trace")
                .output()
                .unwrap();
            let said = said(&output);
            assert_eq!(output.status.code(), Some(code), "{said}");
            assert!(said.contains("takumo-cloud: "), "{said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }
}

#[test]
fn command_that_only_looks_makes_no_tables() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    let (code, message) = operator.failure(&["organizations", "list"]);
    assert_eq!(code, 1);
    assert!(message.contains(place::MISSING), "{message}");
    assert!(place::contents(directory.path()).is_empty());
}
