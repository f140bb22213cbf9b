//! What every store writes alike: the record that a new key becomes, what a lookup shows of it, and
//! what its events say. An adapter adds positions and transactions, and invents none of this.

use crate::{
    Attribution, Details, FoundKey, FoundState, KeyHash, KeyRecord, KeyState, NewKey, Reason,
    Revocation, SecretRecord, Timestamp,
};

impl NewKey {
    /// The record of the key, as it is when it has just been inserted.
    #[must_use]
    pub fn into_record(self, by: &Attribution) -> KeyRecord {
        KeyRecord {
            id: self.id,
            organization: self.organization,
            name: self.name,
            environment: self.environment,
            scopes: self.scopes,
            state: KeyState::Active,
            created_at: by.at,
            created_by: by.author.actor.clone(),
            expires_at: self.expires_at,
            secrets: vec![SecretRecord {
                hash: self.secret.hash,
                hint: self.secret.hint,
                created_at: by.at,
                retires_at: None,
                last_used_at: None,
            }],
        }
    }
}

impl KeyRecord {
    /// What [`Action::KEY_CREATED`](crate::Action::KEY_CREATED) says of the key: `name`,
    /// `environment`, `scopes` (a list of names) and `expires_at` (microseconds since the epoch, or
    /// null).
    #[must_use]
    pub fn created_details(&self) -> Details {
        let scopes: Vec<&str> = self.scopes.iter().collect();
        Details::from_iter([
            ("name".to_owned(), self.name.as_str().into()),
            ("environment".to_owned(), self.environment.as_str().into()),
            ("scopes".to_owned(), scopes.into()),
            ("expires_at".to_owned(), self.expires_at.map(Timestamp::as_micros).into()),
        ])
    }

    /// What [`KeyStore::find`](crate::KeyStore::find) answers for this hash, if it is one of the
    /// key's.
    #[must_use]
    pub fn found_by(&self, hash: &KeyHash) -> Option<FoundKey> {
        let secret = self.secrets.iter().find(|secret| secret.hash == *hash)?;
        Some(FoundKey {
            id: self.id,
            organization: self.organization.clone(),
            environment: self.environment,
            scopes: self.scopes.clone(),
            state: FoundState::from(&self.state),
            expires_at: self.expires_at,
            retires_at: secret.retires_at,
        })
    }
}

impl Revocation {
    /// The revocation that this attribution makes.
    #[must_use]
    pub fn new(reason: Option<Reason>, by: &Attribution) -> Self {
        Self { at: by.at, by: by.author.actor.clone(), reason }
    }

    /// What [`Action::KEY_REVOKED`](crate::Action::KEY_REVOKED) says of it: the `reason`, or null.
    #[must_use]
    pub fn details(&self) -> Details {
        let reason = self.reason.as_ref().map(Reason::as_str);
        Details::from_iter([("reason".to_owned(), reason.into())])
    }
}

impl From<&KeyState> for FoundState {
    fn from(state: &KeyState) -> Self {
        match state {
            KeyState::Active => Self::Active,
            KeyState::Disabled => Self::Disabled,
            KeyState::Revoked(_) => Self::Revoked,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Actor, Author, Environment, KeyId, NewSecret, ScopeNames};

    use super::*;

    fn record(by: &Attribution) -> KeyRecord {
        let key = NewKey {
            id: KeyId::new(by.at, [7; 8]),
            organization: "acme".parse().unwrap(),
            name: "ci".parse().unwrap(),
            environment: Environment::Live,
            scopes: ScopeNames::parse("org:read future:scope").unwrap(),
            expires_at: Some(Timestamp::from_micros(-1)),
            secret: NewSecret {
                hash: KeyHash::from_bytes([1; 32]),
                hint: "tk_live_a1b2c3d4".parse().unwrap(),
            },
            idempotency: None,
        };
        key.into_record(by)
    }

    fn by() -> Attribution {
        Author::from(Actor::new("user:1").unwrap()).at(Timestamp::from_micros(5))
    }

    #[test]
    fn details_are_plain_values_without_key_material() {
        let details = serde_json::Value::from(record(&by()).created_details()).to_string();
        assert_eq!(
            details,
            r#"{"environment":"live","expires_at":-1,"name":"ci","scopes":["org:read","future:scope"]}"#
        );
        let revocation = Revocation::new(None, &by());
        assert_eq!(serde_json::Value::from(revocation.details()).to_string(), r#"{"reason":null}"#);
    }

    #[test]
    fn record_is_found_by_its_own_hashes_only() {
        let mut record = record(&by());
        record.state = KeyState::Revoked(Revocation::new(None, &by()));
        let found = record.found_by(&KeyHash::from_bytes([1; 32])).unwrap();
        assert_eq!((found.id, found.state), (record.id, FoundState::Revoked));
        assert_eq!(record.found_by(&KeyHash::from_bytes([2; 32])), None);
    }
}
