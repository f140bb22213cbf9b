//! Keys and events as JSON shows them, over HTTP and on the command line.

use std::str::FromStr;

use keyfob::{
    Action, Confirmation, Event, KeyLimit, KeyRecord, KeyState, KeyStatus, SecretRecord, Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::takumo::Plan;
use crate::time::rfc3339;

/// A key, without its hash; its plaintext is not even known.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Of its newest secret.
    pub(crate) hint: Option<String>,
    pub(crate) environment: &'static str,
    pub(crate) scopes: Vec<String>,
    pub(crate) status: &'static str,
    pub(crate) created_at: String,
    pub(crate) created_by: String,
    pub(crate) expires_at: Option<String>,
    pub(crate) revoked_at: Option<String>,
    /// Of the secret that was used last.
    pub(crate) last_used_at: Option<String>,
    pub(crate) secrets: Vec<SecretView>,
}

/// One credential of a key.
#[derive(Debug, Serialize)]
pub(crate) struct SecretView {
    hint: String,
    created_at: String,
    retires_at: Option<String>,
    last_used_at: Option<String>,
}

impl KeyView {
    /// The key as it is at this time.
    pub(crate) fn new(key: &KeyRecord, now: Timestamp) -> Self {
        let revoked_at = match &key.state {
            KeyState::Revoked(revocation) => Some(revocation.at),
            _ => None,
        };
        let last_used_at = key.secrets.iter().filter_map(|secret| secret.last_used_at).max();
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            hint: key.secrets.first().map(|secret| secret.hint.to_string()),
            environment: key.environment.as_str(),
            scopes: key.scopes.iter().map(Into::into).collect(),
            status: key.status(now).as_str(),
            created_at: rfc3339(key.created_at),
            created_by: key.created_by.to_string(),
            expires_at: key.expires_at.map(rfc3339),
            revoked_at: revoked_at.map(rfc3339),
            last_used_at: last_used_at.map(rfc3339),
            secrets: key.secrets.iter().map(|secret| SecretView::new(key, secret)).collect(),
        }
    }
}

impl SecretView {
    fn new(key: &KeyRecord, secret: &SecretRecord) -> Self {
        Self {
            hint: secret.hint.to_string(),
            created_at: rfc3339(secret.created_at),
            retires_at: key.old_secret_ends(secret).map(rfc3339),
            last_used_at: secret.last_used_at.map(rfc3339),
        }
    }
}

/// A revoked key, and what is known of its reaching the nodes, if somebody asked.
#[derive(Debug, Serialize)]
pub(crate) struct RevokedView {
    #[serde(flatten)]
    key: KeyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<Value>,
}

/// What a caller is shown of a confirmation.
pub(crate) struct ConfirmationView<'a> {
    pub(crate) confirmation: &'a Confirmation,
    /// Whether it may know which nodes there are. If not, it is told how each is doing.
    pub(crate) sees_nodes: bool,
}

impl RevokedView {
    pub(crate) fn new(
        key: &KeyRecord,
        shown: Option<ConfirmationView<'_>>,
        now: Timestamp,
    ) -> Self {
        let confirmation = shown.map(|ConfirmationView { confirmation, sees_nodes }| {
            let mut confirmation = serde_json::to_value(confirmation)
                .expect("a confirmation is an object with names for keys");
            let nodes = confirmation.get_mut("nodes").and_then(Value::as_array_mut);
            for node in nodes.into_iter().flatten().filter(|_| !sees_nodes) {
                (node["id"], node["name"]) = (Value::Null, Value::Null);
            }
            confirmation
        });
        Self { key: KeyView::new(key, now), confirmation }
    }
}

/// A line of the audit log.
#[derive(Debug, Serialize)]
pub(crate) struct EventView {
    pub(crate) id: String,
    pub(crate) at: String,
    pub(crate) action: String,
    pub(crate) actor: String,
    pub(crate) key_id: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) details: Map<String, Value>,
    /// Whether the organization that it is of was deleted. Only an operator is told of such events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<bool>,
}

impl From<Event> for EventView {
    fn from(mut event: Event) -> Self {
        for name in TIMES {
            event.details.entry(name).and_modify(show_time);
        }
        Self {
            id: event.position.to_string(),
            at: rfc3339(event.at),
            action: event.action.to_string(),
            actor: event.actor.to_string(),
            key_id: event.key.map(|key| key.to_string()),
            request_id: event.request_id.map(|id| id.to_string()),
            details: event.details,
            deleted: None,
        }
    }
}

/// Where the details of an event have times.
const TIMES: [&str; 2] = ["expires_at", "overlap_ends"];

/// keyfob logs a time as the number that it stores; here every time is text. That of an edit is
/// a pair, `from` and `to`.
fn show_time(detail: &mut Value) {
    match detail {
        Value::Number(micros) => {
            if let Some(micros) = micros.as_i64() {
                *detail = rfc3339(Timestamp::from_micros(micros)).into();
            }
        }
        Value::Object(change) => change.values_mut().for_each(show_time),
        _ => {}
    }
}

/// An action as someone asks for it: keyfob's own or one of takumo's.
#[derive(Clone, Debug)]
pub(crate) struct NamedAction(pub(crate) Action);

impl FromStr for NamedAction {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Action::from_stored(text)
            .map(Self)
            .map_err(|_| "must be two words with a dot between them, such as `key.revoked`")
    }
}

/// A status as someone asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedStatus(pub(crate) KeyStatus);

impl FromStr for NamedStatus {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = KeyStatus::ALL.into_iter().find(|status| status.as_str() == text);
        named.map(Self).ok_or("must be `active`, `disabled`, `revoked` or `expired`")
    }
}

/// The plan's limit as a number; `None` when it is unlimited.
pub(crate) fn key_limit(plan: Plan) -> Option<u64> {
    match plan.key_limit() {
        KeyLimit::AtMost(limit) => Some(limit),
        KeyLimit::Unlimited => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_details_are_text_wherever_they_stand() {
        let shown = |mut detail: Value| {
            show_time(&mut detail);
            detail
        };
        assert_eq!(shown(json!(1_000_000)), "1970-01-01T00:00:01Z");
        let change = json!({ "from": null, "to": -1 });
        assert_eq!(shown(change), json!({ "from": null, "to": "1969-12-31T23:59:59.999999Z" }));
        assert_eq!(shown(json!(null)), json!(null));
    }
}
