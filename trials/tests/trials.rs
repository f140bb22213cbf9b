//! Each trial, small: its promises hold. What it measures depends on the machine and is not judged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use keyfob_trials::{Plan, Size, Trial};

async fn holds(trial: Trial) {
    let program = env!("CARGO_BIN_EXE_keyfob-trials").into();
    let plan = Plan { program, size: Size::Quick, seed: 1, charts: None };
    let findings = trial.run(&plan).await.unwrap();
    assert_eq!(findings.broken(), [""; 0]);
    assert!(findings.promises() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_reaches_every_process_within_the_bound() {
    holds(Trial::Propagation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_key_is_not_honoured_beyond_the_bound_whatever_breaks() {
    holds(Trial::Bound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_processes_make_as_many_keys_as_there_are_slots() {
    holds(Trial::Limits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_of_killed_processes_is_never_counted_twice() {
    holds(Trial::Usage).await;
}
