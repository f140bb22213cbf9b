use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};

use super::MAY_BE_LOST;
use crate::client::{Answer, Client, Text};
use crate::operator::Operator;

/// What one server was asked by each key until it was killed.
#[derive(Default)]
pub(super) struct Calls(Mutex<State>);

#[derive(Default)]
struct State {
    by_key: HashMap<String, OfKey>,
    /// When a call had no answer for the first time.
    unanswered: Option<Instant>,
}

#[derive(Default)]
struct OfKey {
    sent: u64,
    answered: Vec<Instant>,
}

/// Someone who calls with a key, which is counted.
pub(super) struct Caller<'c> {
    client: Client,
    id: &'c str,
    calls: &'c Calls,
}

impl<'c> Caller<'c> {
    pub(super) fn new(anyone: &Client, id: &'c str, key: &str, calls: &'c Calls) -> Self {
        Self { client: anyone.with_key(key), id, calls }
    }

    /// `None` when the server is gone.
    pub(super) fn get(&self, path: &str) -> Option<Answer> {
        self.call("GET", path, &Value::Null)
    }

    /// `None` when the server is gone: then nobody knows whether it was done.
    pub(super) fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        self.call("POST", path, body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Option<Answer> {
        self.calls.of_key(self.id, |key| key.sent += 1);
        let json = [("content-type", "application/json")];
        let Ok(answer) = self.client.try_call(method, path, &json, &body.to_string()) else {
            self.calls.0.lock().unwrap().unanswered.get_or_insert_with(Instant::now);
            return None;
        };
        self.calls.of_key(self.id, |key| key.answered.push(Instant::now()));
        Some(answer)
    }
}

impl Calls {
    /// Holds the usage that a killed server left against what it was asked, and answers with how
    /// many calls had to be in it.
    pub(super) fn compare(
        self,
        before: &HashMap<String, u64>,
        after: &HashMap<String, u64>,
        killed: Instant,
        case: &str,
    ) -> u64 {
        let State { mut by_key, unanswered } = self.0.into_inner().unwrap();
        assert!(unanswered.is_none_or(|at| at >= killed), "{case}: no answer before the kill");
        let mut least_of_all = 0;
        for (id, after) in after {
            let OfKey { sent, answered } = by_key.remove(id).unwrap_or_default();
            let counted = after - before.get(id).unwrap_or(&0);
            let safe = |at: &&Instant| **at + MAY_BE_LOST < killed;
            let least = answered.iter().filter(safe).count() as u64;
            let range = least..=sent;
            assert!(range.contains(&counted), "{case}: {counted} of {range:?} calls by {id}");
            least_of_all += least;
        }
        for (id, OfKey { answered, .. }) in by_key {
            let lost = answered.iter().all(|at| *at + MAY_BE_LOST >= killed);
            assert!(lost, "{case}: nothing was counted of {id}");
        }
        least_of_all
    }

    fn of_key(&self, id: &str, note: impl FnOnce(&mut OfKey)) {
        note(self.0.lock().unwrap().by_key.entry(id.to_owned()).or_default());
    }
}

/// What is written down of each key, and of all of them.
pub(super) fn counted(operator: &Operator) -> HashMap<String, u64> {
    let usage = operator.json(&["usage", "--organization=acme"]);
    let count = |of: &Value| of["accepted"].as_u64().unwrap() + of["refused"].as_u64().unwrap();
    let keys = usage["keys"].as_array().unwrap();
    let counted: HashMap<_, _> = keys.iter().map(|key| (key["id"].text(), count(key))).collect();
    assert_eq!(json!(counted.values().sum::<u64>()), json!(count(&usage["total"])));
    counted
}
