//! A replica follows its primary, as late as it was told to, and takes its place.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyfob_test_cluster::{PostgresOptions, PostgresServer, ReplicaOptions};

fn primary() -> PostgresServer {
    let primary = PostgresServer::start(&PostgresOptions::new()).unwrap();
    primary.sql("postgres", "CREATE TABLE told (n int)").unwrap();
    primary
}

fn tell(server: &PostgresServer) {
    server.sql("postgres", "INSERT INTO told VALUES (1)").unwrap();
}

fn count(server: &PostgresServer) -> String {
    server.sql("postgres", "SELECT count(*) FROM told").unwrap()
}

#[test]
fn replica_follows_and_is_promoted() {
    let primary = primary();
    let replica = primary.replica(&ReplicaOptions::new()).unwrap();
    tell(&primary);
    replica.catch_up_with(&primary).unwrap();
    assert_eq!(count(&replica), "1");
    replica.sql("postgres", "INSERT INTO told VALUES (2)").unwrap_err();

    primary.kill().unwrap();
    replica.promote().unwrap();
    tell(&replica);
    assert_eq!(count(&replica), "2");
}

#[test]
fn delayed_replica_is_behind() {
    let primary = primary();
    let delay = Duration::from_secs(3600);
    let replica = primary.replica(&ReplicaOptions::new().with_apply_delay(delay)).unwrap();
    tell(&primary);
    let received = || replica.sql("postgres", "SELECT pg_last_wal_receive_lsn()").unwrap();
    let end = primary.sql("postgres", "SELECT pg_current_wal_lsn()").unwrap();
    let has_all = format!("SELECT '{}'::pg_lsn <= '{}'", end, received());
    assert_eq!(primary.sql("postgres", &has_all).unwrap(), "t");
    assert_eq!(count(&replica), "0");
}

#[test]
fn commit_waits_for_a_synchronous_replica() {
    let primary = primary();
    let replica = primary.replica(&ReplicaOptions::new().synchronous()).unwrap();
    tell(&primary);
    let paused = replica.pause();
    thread::scope(|scope| {
        let (answered, answer) = mpsc::channel();
        let primary = &primary;
        scope.spawn(move || {
            tell(primary);
            answered.send(()).unwrap();
        });
        answer.recv_timeout(Duration::from_millis(300)).unwrap_err();
        paused.resume();
        answer.recv_timeout(Duration::from_secs(20)).unwrap();
    });
    // Once promoted, it waits for nobody.
    primary.kill().unwrap();
    replica.promote().unwrap();
    tell(&replica);
    assert_eq!(count(&replica), "3");
}
