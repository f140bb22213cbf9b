//! The model proves itself: it finds what is broken of each kind of operation.

use keyfob_conformance::{ModelReport, ModelRun, run_model};

use crate::Broken;
use crate::fault::Fault;

/// Faults that a single caller can see.
const FOUND: &[Fault] = &[
    Fault::SlotIsFreedAfterTheExpiry,
    Fault::RevokedKeyHoldsItsSlot,
    Fault::DuplicateIdIsAccepted,
    Fault::FingerprintIsIgnored,
    Fault::ReplayRevives,
    Fault::CursorSkipsOne,
    Fault::ExpiryIsAMomentLate,
    Fault::LastRevocationWins,
    Fault::ActionFilterIsIgnored,
    Fault::CustomDetailsAreLost,
    Fault::FeedOmitsRevocations,
    Fault::OverlapIsAMomentLong,
    Fault::OnlyTwoSecretsAreKept,
    Fault::RotationTokensAreApart,
    Fault::RotationAcceptsKnownHashes,
    Fault::RetiringIsForgotten,
    Fault::SwitchingAgainIsLogged,
    Fault::RevivalIgnoresTheLimit,
    Fault::EveryEditCountsAgainstTheLimit,
    Fault::ChangeIgnoresTheOrganization,
    Fault::RevokedKeyCanBeEdited,
    Fault::RepeatedChangeHasNoPosition,
    Fault::FeedForgetsOldSecrets,
    Fault::ImportStopsHalfWay,
    Fault::ImportAnswersInOrderOfIds,
    Fault::DeletionSparesRetiredSecrets,
    Fault::NewOrganizationRevivesTheOld,
    Fault::DeletionFreesItsHashes,
    Fault::DeletionErasesTheLog,
    Fault::EventsOutliveTheirOrganization,
    Fault::UsageIsReplaced,
    Fault::CountersWrap,
    Fault::UnknownKeyRefusesTheBatch,
    Fault::RefusalCountsAsUse,
    Fault::BatchesHaveNoMemory,
    Fault::BatchIsForgottenAfterAnHour,
    Fault::LastHourIsIncluded,
    Fault::PruningTakesTheHourItself,
];

fn compare(fault: Fault) -> ModelReport {
    run_model(Broken(fault), ModelRun { cases: 128, steps: 60, seed: 1 })
}

#[test]
fn store_without_a_fault_never_differs() {
    compare(Fault::None).assert_passed();
}

#[test]
fn model_finds_each_fault() {
    let escaped: Vec<_> = FOUND.iter().filter(|fault| compare(**fault).passed()).collect();
    assert!(escaped.is_empty(), "not found: {escaped:#?}");
}

#[test]
fn difference_is_told_in_few_and_simple_operations() {
    let report = compare(Fault::ThirdSecretIsAccepted).to_string();
    let operations: Vec<_> = report.lines().filter(|line| line.starts_with("   ")).collect();
    let numbered = operations.iter().filter(|line| line.contains(". ")).count();
    assert!(report.starts_with("the store differs from the model (seed 1)"), "{report}");
    assert!((3..=5).contains(&numbered), "{report}");
    for part in ["Create {", "Rotate {", "the answer to the last operation", "StillRotating"] {
        assert!(report.contains(part), "{part:?} is not in: {report}");
    }
}

#[test]
fn seed_decides_the_operations() {
    let [first, again] = [(), ()].map(|()| compare(Fault::LastRevocationWins).to_string());
    assert_eq!(first, again);
}
