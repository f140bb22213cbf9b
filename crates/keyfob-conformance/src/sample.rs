//! Small values that checks are written with.

use keyfob_store::{
    Action, Actor, Attribution, Author, Details, Environment, EventQuery, Hour, Idempotency,
    KeyEdit, KeyQuery, KeyRecord, KeyStatus, NewEvent, NewSecret, OrganizationId, Outcome,
    PageSize, Reason, Rotation, ScopeNames, Timestamp, UsageCount, UsageGrain, UsageQuery,
};

/// This many seconds into the check, which begins at the start of 2024.
pub(crate) fn at(seconds: i64) -> Timestamp {
    const BEGIN: i64 = 1_704_067_200;
    Timestamp::from_micros((BEGIN + seconds) * 1_000_000)
}

/// One microsecond before.
pub(crate) fn just_before(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros() - 1)
}

pub(crate) fn organization(id: &str) -> OrganizationId {
    id.parse().expect("a check's own organization id is one")
}

pub(crate) fn actor(name: &str) -> Actor {
    name.parse().expect("a check's own actor is one")
}

#[expect(clippy::unnecessary_wraps, reason = "a revocation asks for an option")]
pub(crate) fn reason(text: &str) -> Option<Reason> {
    Some(text.parse().expect("a check's own reason is one"))
}

/// Who does something, this many seconds into the check.
pub(crate) fn by(name: &str, seconds: i64) -> Attribution {
    Author::from(actor(name)).at(at(seconds))
}

/// The same, in a request.
pub(crate) fn by_request(name: &str, request: &str, seconds: i64) -> Attribution {
    let request = request.parse().expect("a check's own request id is one");
    Author::from(actor(name)).with_request_id(request).at(at(seconds))
}

/// A token that is remembered for this many seconds into the check.
#[expect(clippy::unnecessary_wraps, reason = "a new key asks for an option")]
pub(crate) fn idempotency(token: &str, fingerprint: u8, seconds: i64) -> Option<Idempotency> {
    Some(Idempotency {
        token: token.parse().expect("a check's own token is one"),
        fingerprint: [fingerprint; 32],
        remembered_until: at(seconds),
    })
}

/// A rotation whose overlap ends this many seconds into the check.
pub(crate) fn rotation(secret: NewSecret, seconds: i64) -> Rotation {
    Rotation { secret, overlap_ends: at(seconds), idempotency: None }
}

pub(crate) fn scopes(names: &str) -> ScopeNames {
    ScopeNames::parse(names).expect("a check's own scopes are names")
}

/// An edit of the name.
pub(crate) fn renaming(name: &str) -> KeyEdit {
    let name = name.parse().expect("a check's own name is one");
    KeyEdit { name: Some(name), ..KeyEdit::default() }
}

/// An edit of the scopes.
pub(crate) fn rescoping(names: &str) -> KeyEdit {
    KeyEdit { scopes: Some(scopes(names)), ..KeyEdit::default() }
}

/// An edit of the expiry.
pub(crate) fn expiring(at: Option<Timestamp>) -> KeyEdit {
    KeyEdit { expires_at: Some(at), ..KeyEdit::default() }
}

/// This many hours after the one in which the check begins, which is the first of a day.
pub(crate) fn hour(hours: i64) -> Hour {
    Hour::of(at(hours * 3_600))
}

/// So many accepted uses of a key's first secret in this hour after the check began, the last of
/// them in its first minute.
pub(crate) fn count(key: &KeyRecord, hours: i64, count: u64) -> UsageCount {
    UsageCount {
        organization: key.organization.clone(),
        key: key.id,
        secret: 1,
        hour: hour(hours),
        outcome: Outcome::Accepted,
        count,
        last_at: at(hours * 3_600 + 59),
    }
}

/// All usage, by the hour.
pub(crate) fn all_usage() -> UsageQuery {
    let (first, last) = (Timestamp::from_micros(i64::MIN), Timestamp::MAX);
    let end = Hour::from_number(Hour::of(last).number() + 1);
    UsageQuery { from: Hour::of(first), to: end, key: None, grain: UsageGrain::Hour }
}

pub(crate) fn page_of(size: u16) -> PageSize {
    PageSize::new(size).expect("a check's own page size is one")
}

/// Every key, in pages of this many.
pub(crate) fn keys(size: u16) -> KeyQuery {
    KeyQuery::new(page_of(size))
}

/// The keys of a status and an environment, in pages of this many.
pub(crate) fn keys_that_are(
    size: u16,
    status: Option<KeyStatus>,
    environment: Option<Environment>,
) -> KeyQuery {
    KeyQuery { status, environment, ..keys(size) }
}

/// Every event, in pages of this many.
pub(crate) fn events(size: u16) -> EventQuery {
    EventQuery::new(page_of(size))
}

/// An event of an embedder's own.
pub(crate) fn custom_event(organization: &OrganizationId, action: &str) -> NewEvent {
    NewEvent {
        organization: organization.clone(),
        action: Action::custom(action).expect("a check's own action is one"),
        details: Details::from_iter([("plan".to_owned(), "free".into())]),
    }
}
