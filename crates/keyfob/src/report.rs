//! What a service says of itself: events for `tracing`, and numbers for `metrics` if it is asked
//! for. Neither ever holds a key, a hash or a hint.

use keyfob_store::{DamagedRecord, KeyRecord, StoreError};

use crate::{Confirmation, Health, Outage, Principal, VerifyError};

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

/// A key whose stored data is damaged. Its callers are answered that it can't be judged.
pub(crate) fn damaged_key(damaged: &DamagedRecord) {
    tracing::error!(%damaged, "a stored key can't be read: repair it or restore a backup");
    #[cfg(feature = "metrics")]
    metrics::counter!("keyfob_damaged_keys_total").increment(1);
}

pub(crate) fn feed_read(health: &Health) {
    tracing::trace!(reached = ?health.position, "change feed read");
    #[cfg(feature = "metrics")]
    {
        let Health { position, lag, staleness, cache_in_use, .. } = health;
        metrics::gauge!("keyfob_cache_in_use").set(f64::from(u8::from(*cache_in_use)));
        if let Some(position) = position {
            metrics::gauge!("keyfob_feed_position").set(gauged(position.get()));
        }
        if let Some(lag) = lag {
            metrics::gauge!("keyfob_feed_lag").set(gauged(*lag));
        }
        if let Some(staleness) = staleness {
            metrics::gauge!("keyfob_staleness_seconds").set(staleness.as_secs_f64());
        }
    }
}

#[cfg(feature = "metrics")]
#[allow(clippy::cast_precision_loss, reason = "a gauge is a float, and 2^53 changes are far off")]
fn gauged(number: u64) -> f64 {
    number as f64
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

pub(crate) fn node_not_reported(error: &StoreError) {
    tracing::warn!(%error, "this node could not report to the store, and will again");
    #[cfg(feature = "metrics")]
    metrics::counter!("keyfob_node_report_failures_total").increment(1);
}

pub(crate) fn nodes_not_read(error: &StoreError) {
    tracing::warn!(%error, "the list of nodes could not be read");
}

pub(crate) fn concluded(confirmation: &Confirmation) {
    let (in_force, nodes) = (confirmation.in_force(), confirmation.nodes.len());
    let (key, position) = (confirmation.key.id, confirmation.position);
    tracing::info!(%key, %position, in_force, nodes, "change confirmed as far as it could be");
}

pub(crate) fn key_changed(what: &'static str, key: &KeyRecord) {
    tracing::info!(organization = %key.organization, key = %key.id, what, "key changed");
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use std::time::Duration;

    use keyfob_store::FeedPosition;
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use crate::{Health, Refusal};

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

    #[test]
    fn feed_is_shown_in_gauges() {
        let health = Health {
            position: Some(FeedPosition::new(7)),
            lag: Some(2),
            staleness: Some(Duration::from_millis(1_500)),
            cache_in_use: true,
            node: None,
            last_report: None,
            failed_reports: 0,
            last_usage_flush: None,
            failed_usage_flushes: 0,
        };
        let recorder = DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, || super::feed_read(&health));
        let mut shown: Vec<_> = recorder
            .snapshotter()
            .snapshot()
            .into_vec()
            .into_iter()
            .map(|(key, _, _, value)| (key.key().name().to_owned(), value))
            .collect();
        shown.sort_by(|one, other| one.0.cmp(&other.0));
        let expected = [
            ("keyfob_cache_in_use", 1.0),
            ("keyfob_feed_lag", 2.0),
            ("keyfob_feed_position", 7.0),
            ("keyfob_staleness_seconds", 1.5),
        ];
        let expected =
            expected.map(|(name, value)| (name.to_owned(), DebugValue::Gauge(value.into())));
        assert_eq!(shown, expected);
    }
}
