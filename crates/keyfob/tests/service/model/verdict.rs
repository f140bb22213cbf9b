use std::cmp::Ordering;

use keyfob::{
    Environment, FoundKey, FoundState, KeyId, OrganizationId, Principal, Refusal, ScopeSet,
    Timestamp,
};

use crate::Scope;

/// What a service says of a text.
pub(super) type Verdict = Result<Accepted, Refusal>;

#[derive(Debug, PartialEq)]
pub(super) struct Accepted {
    key: KeyId,
    organization: OrganizationId,
    environment: Environment,
    scopes: ScopeSet<Scope>,
}

impl From<Principal<Scope>> for Accepted {
    fn from(principal: Principal<Scope>) -> Self {
        Self {
            key: principal.key,
            organization: principal.organization,
            environment: principal.environment,
            scopes: principal.scopes,
        }
    }
}

/// What is right to say of a text that belongs to this key, when it is to have these scopes.
pub(super) fn verdict(
    found: Option<&FoundKey>,
    required: ScopeSet<Scope>,
    now: Timestamp,
) -> Verdict {
    let found = found.ok_or(Refusal::Unknown)?;
    match found.state {
        FoundState::OrganizationDeleted => return Err(Refusal::OrganizationDeleted),
        FoundState::Revoked => return Err(Refusal::Revoked),
        FoundState::Disabled => return Err(Refusal::Disabled),
        FoundState::Active => {}
    }
    match (over(found.retires_at, now), over(found.expires_at, now)) {
        (Some(retired), Some(expired)) => match retired.cmp(&expired) {
            Ordering::Less => return Err(Refusal::Retired),
            Ordering::Equal | Ordering::Greater => return Err(Refusal::Expired),
        },
        (Some(_), None) => return Err(Refusal::Retired),
        (None, Some(_)) => return Err(Refusal::Expired),
        (None, None) => {}
    }
    let scopes = found.scopes.to_set();
    if required.iter().any(|scope| !scopes.contains(scope)) {
        return Err(Refusal::MissingScope { required: required.into() });
    }
    Ok(Accepted {
        key: found.id,
        organization: found.organization.clone(),
        environment: found.environment,
        scopes,
    })
}

/// When something ended, if it has.
fn over(end: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    end.filter(|end| now >= *end)
}
