//! What is so of a SQLite file only.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use crate::binary::Serving;
use crate::operator::Operator;

#[test]
fn clean_stop_leaves_one_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    Serving::start(directory.path(), &[]).stop("TERM");
    let files: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, ["takumo.db"]);
}

/// It holds sessions and hashes of passwords.
#[test]
fn file_is_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let serving = Serving::start(directory.path(), &[]);
    let modes = std::fs::read_dir(directory.path()).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().mode() & 0o777)
    });
    let modes: BTreeMap<_, _> = modes.collect();
    assert!(modes.contains_key("takumo.db") && modes.contains_key("takumo.db-wal"), "{modes:?}");
    assert!(modes.values().all(|mode| *mode == 0o600), "{modes:?}");
    serving.stop("TERM");
}

#[test]
fn file_that_is_no_database_is_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("takumo.db");
    let text = "these are my notes, not a database\n".repeat(200);
    std::fs::write(&path, &text).unwrap();
    let operator = Operator::new(directory.path());
    let (code, message) = operator.failure(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert!(message.contains("not a SQLite database"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn replica_of_a_file_is_refused_without_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let output = Operator::new(directory.path())
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .env("TAKUMO_REPLICAS", "postgres://app:canary@db2/keys")
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("are for a postgres:// database"), "{message}");
    assert!(!message.contains("canary"), "{message}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// Every file of tests says the same of both databases, unless it is named here.
#[test]
fn every_other_test_is_one_of_postgres_too() {
    let modules = |source: &'static str| {
        source.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
    };
    let postgres: Vec<_> = modules(include_str!("../takumo-postgres/main.rs")).collect();
    for module in modules(include_str!("main.rs")) {
        let only_here = module == "sqlite_file";
        assert!(only_here || postgres.contains(&module), "{module}");
    }
}
