//! What a service says of itself: events for `tracing`, and numbers for `metrics` if it is asked
//! for. Neither ever holds a key, a hash or a hint.

use keyfob_store::{FeedPosition, KeyRecord, StoreError};

use crate::{Outage, Principal, VerifyError};

pub(crate) fn verification<S>(verified: &Result<Principal<S>, VerifyError>) {
    let outcome = match verified {
        Ok(_) => "accepted",
        Err(VerifyError::Refused(refusal)) => refusal.as_str(),
        Err(VerifyError::Unavailable(_)) => "unavailable",
    };
    if verified.is_err() {
        tracing::debug!(outcome, "key not accepted");
    }
    #[cfg(feature = "metrics")]
    count_verification(outcome);
}

/// With labels that are literals, which is what makes a counter cost no allocation.
#[cfg(feature = "metrics")]
fn count_verification(outcome: &'static str) {
    macro_rules! count {
        ($($outcome:literal)+) => {
            match outcome {
                $($outcome => metrics::counter!("keyfob_verifications_total", "outcome" => $outcome),)+
                _ => metrics::counter!("keyfob_verifications_total", "outcome" => "other"),
            }
        };
    }
    let counter = count!(
        "accepted" "unavailable" "malformed" "unknown" "wrong_environment" "disabled" "expired"
        "retired" "revoked" "organization_deleted" "missing_scope"
    );
    counter.increment(1);
}

pub(crate) fn cache_hit() {
    #[cfg(feature = "metrics")]
    metrics::counter!("keyfob_cache_hits_total").increment(1);
}

pub(crate) fn lookup(hashes: usize, failure: Option<&Outage>) {
    if let Some(outage) = failure {
        tracing::warn!(%outage, hashes, "keys could not be looked up");
    } else {
        tracing::trace!(hashes, "keys looked up");
    }
    #[cfg(feature = "metrics")]
    {
        #[allow(clippy::cast_precision_loss, reason = "a batch holds a few hundred hashes")]
        metrics::histogram!("keyfob_lookup_hashes").record(hashes as f64);
        metrics::counter!("keyfob_lookup_failures_total").increment(u64::from(failure.is_some()));
    }
}

pub(crate) fn feed_read(reached: FeedPosition) {
    tracing::trace!(%reached, "change feed read");
    #[cfg(feature = "metrics")]
    #[allow(
        clippy::cast_precision_loss,
        reason = "a gauge is a float, and 2^53 changes are far off"
    )]
    metrics::gauge!("keyfob_feed_position").set(reached.get() as f64);
}

pub(crate) fn feed_read_failed(error: &StoreError) {
    tracing::warn!(%error, "the change feed could not be read");
    #[cfg(feature = "metrics")]
    metrics::counter!("keyfob_feed_read_failures_total").increment(1);
}

pub(crate) fn usage_not_recorded(error: &StoreError) {
    tracing::warn!(%error, "usage could not be recorded, and will be sent again");
    #[cfg(feature = "metrics")]
    metrics::counter!("keyfob_usage_flush_failures_total").increment(1);
}

pub(crate) fn key_changed(what: &'static str, key: &KeyRecord) {
    tracing::info!(organization = %key.organization, key = %key.id, what, "key changed");
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use crate::Refusal;

    #[test]
    fn verifications_are_counted_by_outcome() {
        let recorder = DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..3 {
                super::verification::<()>(&Err(Refusal::Unknown.into()));
            }
        });
        let counted = recorder.snapshotter().snapshot().into_vec();
        let [(key, _, _, DebugValue::Counter(3))] = &counted[..] else { panic!("{counted:?}") };
        assert_eq!(key.key().name(), "keyfob_verifications_total");
        let label = key.key().labels().next().expect("an outcome");
        assert_eq!((label.key(), label.value()), ("outcome", "unknown"));
    }
}
