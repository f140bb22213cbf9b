use super::EPOCH;

/// Keys that hold a slot of the plan of the organization `$1` at `$2`: those that never expire, and those
/// that have yet to. Both are ranges of one index.
pub(crate) fn sql() -> String {
    let count = |expiry: &str| {
        format!(
            "(SELECT count(*) FROM {{schema}}.keys WHERE organization = $1 AND epoch = {EPOCH} \
             AND revoked_at IS NULL AND {expiry})"
        )
    };
    format!("SELECT {} + {}", count("expires_at IS NULL"), count("expires_at > $2"))
}
