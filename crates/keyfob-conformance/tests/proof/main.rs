//! The suite proves itself: each of its checks catches a store that is broken in the way that the
//! check is about.

#![expect(clippy::unwrap_used, reason = "a fault that breaks something else fails its test")]

mod fault;
mod faulty_insert;
mod faulty_log;
mod faulty_reads;
mod faulty_revoke;
mod faulty_store;

use std::collections::HashSet;

use keyfob_conformance::{Report, StoreFactory, check_names, run_all, run_matching};
use keyfob_store::BackendError;

use fault::Fault;
use faulty_store::FaultyStore;

/// Each fault, and a check that catches it.
const PROOF: &[(Fault, &str)] = &[
    (Fault::EnvironmentIsLost, "created_key_is_the_one_that_was_asked_for"),
    (Fault::ZeroMeansUnlimited, "limit_of_zero_allows_none"),
    (Fault::LimitIsOffByOne, "limit_allows_exactly_so_many"),
    (Fault::RefusalIsLogged, "refusal_at_the_limit_writes_nothing"),
    (Fault::RefusalIsLogged, "what_was_refused_is_not_logged"),
    (Fault::LimitIsSigned, "largest_limits_are_no_hindrance"),
    (Fault::UnlimitedMeansFifty, "unlimited_organization_goes_beyond_every_limit"),
    (Fault::ExpiredKeyHoldsItsSlot, "expired_key_frees_its_slot"),
    (Fault::SlotIsFreedAfterTheExpiry, "expired_key_frees_its_slot"),
    (Fault::RevokedKeyHoldsItsSlot, "revoked_key_frees_its_slot"),
    (Fault::RevokingTwiceFreesTwoSlots, "revoked_key_frees_its_slot"),
    (Fault::LimitIsOfAllOrganizations, "limit_is_of_one_organization"),
    (Fault::DuplicateHashIsAccepted, "duplicate_hash_is_a_conflict"),
    (Fault::DuplicateIdIsAccepted, "duplicate_id_is_a_conflict"),
    (Fault::DuplicateIsLogged, "duplicate_id_is_a_conflict"),
    (Fault::RevokedKeyGivesItsHashFree, "duplicate_of_a_revoked_key_is_a_conflict"),
    (Fault::HashesAreUniqueInOneOrganization, "duplicate_of_another_organization_is_a_conflict"),
    (Fault::TokensAreIgnored, "repeated_token_answers_with_the_first_key"),
    (Fault::ReplayIsLogged, "repeated_token_writes_nothing"),
    (Fault::ReplayIsAsItWas, "replay_shows_the_key_as_it_is_now"),
    (Fault::FingerprintIsIgnored, "token_for_another_request_is_a_conflict"),
    (Fault::TokensAreOfAllOrganizations, "token_belongs_to_its_organization"),
    (Fault::TokenIsCheckedAfterTheLimit, "token_is_answered_before_the_limit"),
    (Fault::TokenIsRememberedForEver, "token_is_forgotten_after_its_time"),
    (Fault::TokenIsForgottenTooEarly, "token_is_forgotten_after_its_time"),
    (Fault::RefusalUsesTheToken, "refused_request_leaves_its_token_unused"),
    (Fault::TokenIsCheckedBeforeTheTransaction, "concurrent_requests_with_one_token_make_one_key"),
    (Fault::LimitIsCheckedBeforeTheTransaction, "concurrent_creators_fill_every_slot_and_no_more"),
    (Fault::RivalsAreRefused, "concurrent_creators_fill_every_slot_and_no_more"),
    (Fault::HashIsCheckedBeforeTheTransaction, "concurrent_inserts_of_one_hash_make_one_key"),
    (Fault::SlotIsFreedBeforeTheRevocation, "limit_holds_while_slots_come_and_go"),
    (Fault::LimitIsCheckedBeforeTheTransaction, "limit_holds_while_slots_come_and_go"),
    (Fault::AnswersAreSorted, "every_hash_has_its_answer_in_order"),
    (Fault::AnswersOmitTheUnknown, "every_hash_has_its_answer_in_order"),
    (Fault::AnswersDropRepeats, "every_hash_has_its_answer_in_order"),
    (Fault::EmptyBatchIsRefused, "empty_batch_has_an_empty_answer"),
    (Fault::LargeBatchIsCut, "batch_may_be_large"),
    (Fault::RevokedKeyIsNotFound, "key_is_found_in_every_state"),
    (Fault::FoundScopesAreSorted, "scopes_and_environment_are_found_as_stored"),
    (Fault::PrefixOfTheHashIsEnough, "near_miss_finds_nothing"),
    (Fault::LookupIsLogged, "lookup_writes_nothing"),
    (Fault::ReadIgnoresTheOrganization, "foreign_key_can_not_be_read"),
    (Fault::RevocationIgnoresTheOrganization, "foreign_key_can_not_be_revoked"),
    (Fault::ListIgnoresTheOrganization, "foreign_keys_are_not_listed"),
    (Fault::CountIgnoresTheOrganization, "foreign_keys_are_not_counted"),
    (Fault::EventsIgnoreTheOrganization, "foreign_events_are_not_listed"),
    (Fault::OrganizationsIgnoreCase, "similar_ids_are_different_organizations"),
    (Fault::RevocationForgetsItsReason, "revoked_key_tells_when_by_whom_and_why"),
    (Fault::MissingReasonIsMadeUp, "reason_is_optional"),
    (Fault::LastRevocationWins, "revoking_again_keeps_the_first_story"),
    (Fault::RevokingAgainIsNotFound, "revoking_again_keeps_the_first_story"),
    (Fault::RevokingAgainIsLogged, "revoking_again_logs_nothing"),
    (Fault::ExpiredKeyCanNotBeRevoked, "expired_key_can_be_revoked"),
    (Fault::UnknownKeyIsRevoked, "unknown_key_is_not_found"),
    (Fault::ReplayRevives, "nothing_brings_a_revoked_key_back"),
    (Fault::RevocationIsCheckedBeforeTheTransaction, "concurrent_revocations_agree_on_the_first"),
    (Fault::ListIsInOrderOfStorage, "keys_are_listed_newest_first"),
    (Fault::CursorSkipsOne, "pages_join_without_gap_or_overlap"),
    (Fault::FullPageLeadsOn, "last_page_leads_nowhere"),
    (Fault::StatusFilterIsIgnored, "list_is_filtered_by_status_and_environment"),
    (Fault::EnvironmentFilterIsIgnored, "list_is_filtered_by_status_and_environment"),
    (Fault::ExpiryIsAMomentLate, "status_is_judged_at_the_given_time"),
    (Fault::FilterEndsTheList, "filtered_pages_join_without_gap_or_overlap"),
    (Fault::CursorMustBeAKey, "cursor_need_not_be_a_key"),
    (Fault::PagesAreOffsets, "pages_skip_nothing_while_keys_come_and_go"),
    (Fault::PagesAreOffsets, "pages_skip_nothing_under_concurrent_writers"),
    (Fault::EventsForgetTheRequest, "creation_is_logged_once"),
    (Fault::RevocationIsNotLogged, "revocation_is_logged_once"),
    (Fault::EventsForgetTheReason, "revocation_is_logged_once"),
    (Fault::CustomDetailsAreLost, "custom_event_is_logged_as_given"),
    (Fault::EventsAreInOrderOfTime, "events_are_listed_newest_first_in_pages"),
    (Fault::ActorFilterIsIgnored, "events_are_filtered"),
    (Fault::ActionFilterIsIgnored, "events_are_filtered"),
    (Fault::KeyFilterIsIgnored, "events_are_filtered"),
    (Fault::RevocationRewritesTheLog, "logged_events_stay_as_they_are"),
    (Fault::EventFollowsItsChange, "change_and_its_event_appear_together"),
    (Fault::EmptyFeedIsLost, "feed_of_an_empty_store_is_empty_and_complete"),
    (Fault::FeedForgetsHashes, "each_change_is_told_once_with_its_hashes"),
    (Fault::FeedOmitsRevocations, "each_change_is_told_once_with_its_hashes"),
    (Fault::FeedIsOfOneOrganization, "feed_covers_every_organization"),
    (Fault::FeedTellsOfCustomEvents, "custom_events_are_not_told"),
    (Fault::FeedIgnoresItsLimit, "limit_is_kept_and_leaves_nothing_out"),
    (Fault::FeedReachesBeyondItsLimit, "limit_is_kept_and_leaves_nothing_out"),
    (Fault::FeedRepeatsTheLast, "feed_goes_on_where_it_was_left"),
    (Fault::FeedIsAlwaysComplete, "complete_means_that_nothing_is_beyond"),
    (Fault::FeedIsNeverLost, "unknown_position_is_lost"),
    (Fault::WaitingPanics, "waiting_can_be_dropped"),
    (Fault::FeedSkipsWhatIsInFlight, "follower_misses_nothing_under_concurrent_writers"),
    (Fault::CommittedPositionIsTooEarly, "commit_is_told_no_later_than_its_position"),
    (Fault::CommittedPositionIsTooEarly, "committed_position_covers_its_change"),
    (
        Fault::RepeatedRevocationHasNoPosition,
        "later_revocation_has_a_position_that_covers_the_first",
    ),
    (Fault::LookupPositionStandsStill, "lookup_catches_up_with_what_was_committed"),
    (Fault::EndIsAhead, "end_of_the_feed_covers_what_was_committed"),
    (Fault::LookupPositionIsReadAfter, "position_of_a_lookup_is_honest_under_concurrent_writers"),
    (Fault::EndIsAhead, "end_of_the_feed_is_honest_under_concurrent_writers"),
    (Fault::DataDiesWithTheHandle, "everything_outlives_the_handle"),
    (Fault::DataDiesWithTheHandle, "feed_goes_on_after_reopening"),
    (Fault::TokensDieWithTheHandle, "tokens_outlive_the_handle"),
    (Fault::EventFollowsItsChange, "dropped_insertion_is_whole_or_absent"),
    (Fault::EventFollowsItsChange, "dropped_revocation_is_whole_or_absent"),
    (Fault::NamesAreTrimmed, "odd_texts_read_back"),
    (Fault::NamesAreCut, "longest_texts_read_back"),
    (Fault::TimesLoseTheirMicroseconds, "times_at_the_edge_read_back"),
    (Fault::ScopesAreSorted, "scope_names_read_back"),
    (Fault::IdsAreSigned, "extreme_ids_and_hashes_read_back"),
    (Fault::DetailsLoseControls, "details_read_back"),
    (Fault::ErrorsQuoteTheHash, "errors_hold_no_key_material"),
];

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
}

#[test]
fn store_without_a_fault_passes() {
    run_all(Broken(Fault::None)).assert_passed();
}

#[test]
fn each_fault_is_caught_by_the_check_of_its_rule() {
    let escaped: Vec<_> = PROOF
        .iter()
        .filter(|(fault, check)| {
            let report = run_matching(Broken(*fault), check);
            !report.failures().any(|verdict| verdict.check() == *check)
        })
        .collect();
    assert!(escaped.is_empty(), "not caught: {escaped:#?}");
}

#[test]
fn each_check_catches_a_fault() {
    let proved: HashSet<_> = PROOF.iter().map(|(_, check)| *check).collect();
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
