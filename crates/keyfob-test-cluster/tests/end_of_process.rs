//! No server outlives whoever started it, and nothing of it stays behind.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, a child tells"
)]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use keyfob_test_cluster::{PgBouncer, PgBouncerOptions, PostgresOptions, PostgresServer};

/// Set in the process that is to be killed, which is this test once more.
const VICTIM: &str = "KEYFOB_TEST_CLUSTER_VICTIM";

#[test]
fn server_and_pooler_are_gone_when_their_process_was_killed() {
    if env::var_os(VICTIM).is_some() {
        start_and_wait();
        return;
    }
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "server_and_pooler_are_gone_when_their_process_was_killed"])
        .arg("--nocapture")
        .env(VICTIM, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let started =
        lines.into_iter().find_map(|line| line.strip_prefix("started ").map(str::to_owned));
    let started = started.unwrap();
    let [postgres, pooler, directory] = started.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{started}")
    };
    assert!(listens(postgres) && listens(pooler) && Path::new(directory).exists());
    victim.kill().unwrap();
    victim.wait().unwrap();
    until(|| !listens(postgres) && !listens(pooler) && !Path::new(directory).exists());
}

#[test]
fn dropped_server_is_gone_whether_it_ran_or_not() {
    let running = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let killed = PostgresServer::start(&PostgresOptions::new()).unwrap();
    killed.kill().unwrap();
    let stopped = PostgresServer::start(&PostgresOptions::new()).unwrap();
    stopped.stop().unwrap();
    for server in [running, killed, stopped] {
        let directory = server.socket_directory().to_owned();
        assert!(directory.exists());
        drop(server);
        assert!(!directory.exists());
    }
}

#[test]
fn server_that_does_not_start_says_why() {
    let options = PostgresOptions::new().with_setting("max_connections", "many");
    let error = PostgresServer::start(&options).unwrap_err();
    assert!(
        error.to_string().contains("invalid value for parameter \"max_connections\""),
        "{error}"
    );
}

fn start_and_wait() {
    let server = PostgresServer::start(&PostgresOptions::new()).unwrap();
    let pooler = PgBouncer::start(&server, &PgBouncerOptions::new()).unwrap();
    // The name of the test stands on the line before, without its end.
    println!();
    let directory = server.socket_directory().display();
    println!("started {} {} {directory}", server.port(), pooler.port());
    io::stdin().read_line(&mut String::new()).unwrap();
}

fn listens(port: &str) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse().unwrap())).is_ok()
}

fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !condition() {
        assert!(Instant::now() < deadline, "it is still there");
        thread::sleep(Duration::from_millis(10));
    }
}
