use keyfob::{Environment, Expiry, ImportKey, KeyHash, KeyHint, KeyName, ScopeSet, Timestamp};

use crate::error::ApiError;
use crate::json::{JsonObject, unknown};
use crate::takumo::{FORMAT, Scope};
use crate::time::Moment;

/// What is told of a key.
pub(super) const FIELDS: [&str; 6] =
    ["sha256", "name", "environment", "scopes", "expires_at", "hint"];
/// What may be missing of it.
pub(super) const OPTIONAL: [&str; 2] = ["expires_at", "hint"];

/// Reads a key from its fields, or tells everything that is wrong with them.
pub(super) fn read(
    mut fields: JsonObject,
    now: Timestamp,
) -> Result<ImportKey<Scope>, Vec<String>> {
    if fields.mention_a_key() {
        return Err(vec![
            "holds an API key in plaintext: take it out, and give its hash as sha256".into(),
        ]);
    }
    let mut wrong = Vec::new();
    let hash = keep(&mut wrong, fields.required_parsed::<KeyHash>("sha256"));
    let name = keep(&mut wrong, fields.required_parsed::<KeyName>("name"));
    let environment = keep(&mut wrong, fields.required_parsed::<Environment>("environment"));
    let scopes = keep(&mut wrong, scopes(&mut fields));
    let expiry = keep(&mut wrong, expiry(&mut fields, now));
    let hint = keep(&mut wrong, hint(&mut fields, environment));
    for name in fields.into_map().keys() {
        wrong.push(unknown("field", name).message().to_owned());
    }
    match (hash, name, environment, scopes, expiry, hint) {
        (Some(hash), Some(name), Some(environment), Some(scopes), Some(expiry), Some(hint))
            if wrong.is_empty() =>
        {
            Ok(ImportKey { hash, hint, name, environment, scopes, expiry })
        }
        _ => Err(wrong),
    }
}

fn keep<T>(wrong: &mut Vec<String>, field: Result<T, ApiError>) -> Option<T> {
    field.map_err(|error| wrong.push(error.message().to_owned())).ok()
}

fn scopes(fields: &mut JsonObject) -> Result<ScopeSet<Scope>, ApiError> {
    let patterns = fields.required::<Vec<String>>("scopes")?;
    let scopes = ScopeSet::from_patterns(patterns.iter().map(String::as_str))
        .map_err(|error| ApiError::bad_request(format!("scopes: {error}")))?;
    if scopes.is_empty() {
        return Err(ApiError::bad_request("scopes: a key needs at least one"));
    }
    Ok(scopes)
}

fn expiry(fields: &mut JsonObject, now: Timestamp) -> Result<Expiry, ApiError> {
    match fields.parsed::<Moment>("expires_at")? {
        None => Ok(Expiry::Never),
        Some(Moment(at)) if at > now => Ok(Expiry::At(at)),
        Some(_) => Err(ApiError::bad_request("expires_at: has passed: leave this key out")),
    }
}

/// With the ellipsis that lists show, or without it.
fn hint(
    fields: &mut JsonObject,
    environment: Option<Environment>,
) -> Result<Option<KeyHint>, ApiError> {
    let Some(text) = fields.optional::<String>("hint")? else { return Ok(None) };
    let wrong = |what: String| ApiError::bad_request(format!("hint: {what}"));
    let hint: KeyHint =
        text.trim_end_matches('…').parse().map_err(|error| wrong(format!("{error}")))?;
    match environment.map(|environment| FORMAT.prefix(environment)) {
        Some(prefix) if !hint.as_str().starts_with(prefix) => {
            Err(wrong(format!("must begin with {prefix}")))
        }
        _ => Ok(Some(hint)),
    }
}
