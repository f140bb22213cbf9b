//! The suite proves itself: each of its checks catches a store that is broken in the way that the
//! check is about.

#![expect(clippy::unwrap_used, reason = "a fault that breaks something else fails its test")]

mod fault;
mod faulty_change;
mod faulty_delete;
mod faulty_import;
mod faulty_insert;
mod faulty_log;
mod faulty_methods;
mod faulty_nodes;
mod faulty_reads;
mod faulty_revoke;
mod faulty_rotate;
mod faulty_store;
mod faulty_usage;
mod model;
mod proofs;

use std::collections::HashSet;

use keyfob_conformance::{Report, StoreFactory, check_names, run_all, run_matching};
use keyfob_store::{BackendError, KeyId};

use fault::Fault;
use faulty_store::FaultyStore;
use proofs::proofs;

struct Broken(Fault);

impl StoreFactory for Broken {
    type Store = FaultyStore;
    type Data = FaultyStore;

    async fn create(&self) -> Result<FaultyStore, BackendError> {
        Ok(FaultyStore::new(self.0))
    }

    async fn open(&self, data: &FaultyStore) -> Result<FaultyStore, BackendError> {
        Ok(data.another_handle())
    }

    async fn damage(&self, data: &FaultyStore, key: KeyId) -> Result<bool, BackendError> {
        data.notes().damaged.insert(key);
        Ok(true)
    }
}

#[test]
fn store_without_a_fault_passes() {
    run_all(Broken(Fault::None)).assert_passed();
}

#[test]
fn each_fault_is_caught_by_the_check_of_its_rule() {
    let escaped: Vec<_> = proofs()
        .filter(|(fault, check)| {
            let report = run_matching(Broken(*fault), check);
            !report.failures().any(|verdict| verdict.check() == *check)
        })
        .collect();
    assert!(escaped.is_empty(), "not caught: {escaped:#?}");
}

#[test]
fn each_check_catches_a_fault() {
    let proved: HashSet<_> = proofs().map(|(_, check)| *check).collect();
    let unproved: Vec<_> = check_names().filter(|check| !proved.contains(check)).collect();
    assert!(unproved.is_empty(), "checks that no fault proves: {unproved:#?}");
}

#[test]
fn name_of_a_check_is_its_own() {
    let distinct: HashSet<_> = check_names().collect();
    assert_eq!(distinct.len(), check_names().count());
}

#[test]
fn failure_says_which_rule_what_was_expected_and_what_was_seen() {
    let report = run_matching(Broken(Fault::LimitIsOffByOne), "limit_allows_exactly_so_many");
    let text = report.to_string();
    for part in [
        "1 of 1 checks failed",
        "contract 1: limit_allows_exactly_so_many",
        "one key more than the limit of 1",
        "expected: LimitReached { limit: AtMost(1) }",
        "seen:     Ok(New(",
        "insert.rs:",
    ] {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert_eq!(report.verdicts()[0].contract(), 1);
}

#[test]
fn panic_of_a_store_is_a_failure_of_the_check() {
    let report: Report = run_matching(Broken(Fault::WaitingPanics), "waiting_can_be_dropped");
    assert!(report.verdicts()[0].failure().is_some());
}

#[test]
#[should_panic(expected = "contract 4: revoking_again_logs_nothing")]
fn failed_report_fails_the_test() {
    run_matching(Broken(Fault::RevokingAgainIsLogged), "revoking_again").assert_passed();
}

#[test]
#[should_panic(expected = "no check has such a name")]
fn report_of_no_check_fails_the_test() {
    run_matching(Broken(Fault::None), "misspelt").assert_passed();
}
