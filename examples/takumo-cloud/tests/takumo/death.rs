//! The server is killed while it is used, and started again on what it left behind.

#[path = "death/calls.rs"]
mod calls;
#[path = "death/change.rs"]
mod change;

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::binary::Serving;
use crate::client::{Client, Text};
use crate::operator::Operator;
use crate::place;
use calls::{Caller, Calls};
use change::Changes;

const ROUNDS: u32 = 10;
/// A round ends before this at the latest: some are longer than what a kill may lose.
const LONGEST: Duration = Duration::from_secs(3);
/// Usage is written down each second, and a batch that is being written when the server is killed
/// holds what was counted up to a second before.
const MAY_BE_LOST: Duration = Duration::from_secs(2);
/// How often a quiet client calls in a round.
const FEW: u64 = 40;

#[test]
fn killed_server_keeps_what_it_acknowledged_and_counts_nothing_twice() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    println!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed.into());
    let directory = tempfile::tempdir().unwrap();
    let operator = Operator::new(directory.path());
    operator.create_organization("acme", "enterprise");
    let owner_key = operator.create_key("acme", "live");
    let keys = operator.json(&["keys", "list", "--organization=acme"]);
    let owner = (keys["keys"][0]["id"].text(), owner_key);
    let clients = make_clients(directory.path(), &owner.1);

    let mut moments: Vec<_> = (0..ROUNDS).map(|round| moment(round, &mut chance)).collect();
    moments.shuffle(&mut chance);
    let mut changes = Changes::default();
    let mut before = calls::counted(&operator);
    let mut proved = 0;
    for (round, moment) in (1..).zip(moments) {
        let calls = Calls::default();
        let mut serving = Serving::start(directory.path(), &[]);
        let anyone = Client::new(&serving.url);
        changes.check(&anyone, &calls);
        let killed = std::thread::scope(|scope| {
            for (number, (id, key)) in clients.iter().enumerate() {
                let caller = Caller::new(&anyone, id, key, &calls);
                let most = if number % 2 == 0 { u64::MAX } else { FEW };
                scope.spawn(move || call(&caller, most));
            }
            let owner = Caller::new(&anyone, &owner.0, &owner.1, &calls);
            let (changes, chance) = (&mut changes, StdRng::seed_from_u64(chance.random()));
            let (end, ended) = mpsc::channel::<()>();
            scope.spawn(move || {
                changes.make(&owner, chance);
                drop(end);
            });
            let still_alive = ended.recv_timeout(moment) == Err(RecvTimeoutError::Timeout);
            assert!(still_alive, "the server was gone before it was killed");
            serving.kill()
        });
        place::assert_whole(directory.path());
        let after = calls::counted(&operator);
        let case = format!("seed {seed}, round {round}, killed after {moment:?}");
        proved += calls.compare(&before, &after, killed, &case);
        before = after;
    }
    let calls = Calls::default();
    let serving = Serving::start(directory.path(), &[]);
    changes.check_all(&Client::new(&serving.url), &calls);
    assert!(proved > 0, "no round was long enough to have lost anything that it may not");
}

/// Each round in a part of the time of its own, so that some are short and some are long.
fn moment(round: u32, chance: &mut StdRng) -> Duration {
    (LONGEST / ROUNDS).mul_f64(f64::from(round) + chance.random::<f64>())
}

/// Ids and keys.
fn make_clients(directory: &Path, owner_key: &str) -> Vec<(String, String)> {
    let serving = Serving::start(directory, &[]);
    let owner = Client::new(&serving.url).with_key(owner_key);
    let clients = (0..4).map(|_| owner.create_key("live", &["org:read"])).collect();
    assert!(serving.stop("TERM").0.success());
    clients
}

/// Calls until the server is gone, or often enough.
fn call(caller: &Caller<'_>, most: u64) {
    for _ in 0..most {
        let Some(answer) = caller.get("/v1/whoami") else { return };
        answer.expect(200);
    }
}
