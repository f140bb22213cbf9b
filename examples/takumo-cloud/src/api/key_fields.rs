//! What the requests that make and change keys have in common.

use std::time::Duration;

use keyfob::{Expiry, ScopeSet};

use crate::error::ApiError;
use crate::json::{Given, JsonObject};
use crate::takumo::{MAX_LIFE, Scope};
use crate::time::Moment;

/// Reads `expires_in_seconds` or `expires_at`. A null says never; `None` is that neither is there.
pub(super) fn expiry(fields: &mut JsonObject) -> Result<Option<Expiry>, ApiError> {
    let after = fields.nullable::<u64>("expires_in_seconds")?;
    let at = fields.nullable::<String>("expires_at")?;
    match (after, at) {
        (Given::Nothing, Given::Nothing) => Ok(None),
        (Given::Null, Given::Nothing) | (Given::Nothing, Given::Null) => Ok(Some(Expiry::Never)),
        (Given::Value(seconds), Given::Nothing) => in_seconds(seconds).map(Some),
        (Given::Nothing, Given::Value(text)) => match text.parse() {
            Ok(Moment(at)) => Ok(Some(Expiry::At(at))),
            Err(error) => Err(ApiError::bad_request(format!("expires_at: {error}"))),
        },
        _ => Err(ApiError::bad_request("give expires_in_seconds or expires_at, not both")),
    }
}

fn in_seconds(seconds: u64) -> Result<Expiry, ApiError> {
    if (1..=MAX_LIFE).contains(&seconds) {
        return Ok(Expiry::After(Duration::from_secs(seconds)));
    }
    Err(ApiError::bad_request(format!(
        "expires_in_seconds: must be from 1 to {MAX_LIFE}, which is 100 years"
    )))
}

/// The scopes that these names and wildcards mean.
pub(super) fn scopes(patterns: &[String]) -> Result<ScopeSet<Scope>, ApiError> {
    let scopes = ScopeSet::<Scope>::from_patterns(patterns.iter().map(String::as_str))
        .map_err(|error| ApiError::bad_request(format!("scopes: {error}")))?;
    if scopes.is_empty() {
        return Err(ApiError::bad_request("scopes: a key needs at least one"));
    }
    Ok(scopes)
}
