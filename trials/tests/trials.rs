//! Each trial, small: its promises hold. What it measures depends on the machine and is not judged.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use keyfob_trials::{Plan, Size, Store, Trial};

async fn holds(trial: Trial, store: Store) {
    let program = env!("CARGO_BIN_EXE_keyfob-trials").into();
    let plan = Plan { program, store, size: Size::Quick, seed: 1, charts: None };
    let findings = trial.run(&plan).await.unwrap();
    assert_eq!(findings.broken(), [""; 0]);
    assert!(findings.promises() > 0);
}

macro_rules! trials {
    ($($name:ident: $trial:expr;)+) => {
        mod sqlite {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    holds($trial, Store::Sqlite).await;
                }
            )+
        }

        mod postgres {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    holds($trial, Store::Postgres).await;
                }
            )+
        }
    };
}

trials! {
    revocation_reaches_every_process_within_the_bound: Trial::Propagation;
    revoked_key_is_not_honoured_beyond_the_bound_whatever_breaks: Trial::Bound;
    racing_processes_make_as_many_keys_as_there_are_slots: Trial::Limits;
    usage_of_killed_processes_is_never_counted_twice: Trial::Usage;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_revocation_survives_the_death_of_the_primary() {
    holds(Trial::Failover, Store::Postgres).await;
}
