//! What a service says of itself: events for `tracing`, and numbers for `metrics` if it is asked
//! for. Neither ever holds a key, a hash or a hint.

use crate::{Principal, VerifyError};

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
    metrics::counter!("keyfob_verifications_total", "outcome" => outcome).increment(1);
}
