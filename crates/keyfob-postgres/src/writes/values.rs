//! The columns of each table as the values of a statement; none where there are no rows.

use tokio_postgres::types::Type;

use super::columns::{
    Deleted, Events, Feed, Forgotten, KeyChanges, NewKeys, NewSecrets, SecretEnds, Tokens,
};
use crate::database::Value;

impl NewKeys<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.ids.len(),
            vec![
                (&self.ids, Type::UUID_ARRAY),
                (&self.organizations, Type::TEXT_ARRAY),
                (&self.epochs, Type::INT8_ARRAY),
                (&self.names, Type::TEXT_ARRAY),
                (&self.environments, Type::TEXT_ARRAY),
                (&self.scopes, Type::TEXT_ARRAY),
                (&self.created_at, Type::INT8_ARRAY),
                (&self.created_by, Type::TEXT_ARRAY),
                (&self.expires_at, Type::INT8_ARRAY),
            ],
        )
    }
}

impl SecretEnds {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.keys.len(),
            vec![
                (&self.keys, Type::UUID_ARRAY),
                (&self.generations, Type::INT8_ARRAY),
                (&self.retires_at, Type::INT8_ARRAY),
            ],
        )
    }
}

impl NewSecrets<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.hashes.len(),
            vec![
                (&self.hashes, Type::BYTEA_ARRAY),
                (&self.keys, Type::UUID_ARRAY),
                (&self.generations, Type::INT8_ARRAY),
                (&self.hints, Type::TEXT_ARRAY),
                (&self.created_at, Type::INT8_ARRAY),
                (&self.retires_at, Type::INT8_ARRAY),
            ],
        )
    }
}

impl KeyChanges<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.ids.len(),
            vec![
                (&self.ids, Type::UUID_ARRAY),
                (&self.names, Type::TEXT_ARRAY),
                (&self.scopes, Type::TEXT_ARRAY),
                (&self.expires_at, Type::INT8_ARRAY),
                (&self.disabled, Type::BOOL_ARRAY),
                (&self.revoked_at, Type::INT8_ARRAY),
                (&self.revoked_by, Type::TEXT_ARRAY),
                (&self.revoked_reason, Type::TEXT_ARRAY),
            ],
        )
    }
}

impl Events<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.positions.len(),
            vec![
                (&self.positions, Type::INT8_ARRAY),
                (&self.at, Type::INT8_ARRAY),
                (&self.organizations, Type::TEXT_ARRAY),
                (&self.actions, Type::TEXT_ARRAY),
                (&self.actors, Type::TEXT_ARRAY),
                (&self.keys, Type::UUID_ARRAY),
                (&self.requests, Type::TEXT_ARRAY),
                (&self.details, Type::TEXT_ARRAY),
            ],
        )
    }
}

impl Feed<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.positions.len(),
            vec![
                (&self.positions, Type::INT8_ARRAY),
                (&self.keys, Type::UUID_ARRAY),
                (&self.organizations, Type::TEXT_ARRAY),
                (&self.hashes, Type::BYTEA_ARRAY),
            ],
        )
    }
}

impl Forgotten<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.organizations.len(),
            vec![(&self.organizations, Type::TEXT_ARRAY), (&self.at, Type::INT8_ARRAY)],
        )
    }
}

impl Tokens<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.names.len(),
            vec![
                (&self.organizations, Type::TEXT_ARRAY),
                (&self.names, Type::TEXT_ARRAY),
                (&self.fingerprints, Type::BYTEA_ARRAY),
                (&self.keys, Type::UUID_ARRAY),
                (&self.remembered_until, Type::INT8_ARRAY),
            ],
        )
    }
}

impl Deleted<'_> {
    pub(crate) fn values(&self) -> Option<Vec<Value<'_>>> {
        some(
            self.organizations.len(),
            vec![(&self.organizations, Type::TEXT_ARRAY), (&self.epochs, Type::INT8_ARRAY)],
        )
    }
}

fn some(rows: usize, values: Vec<Value<'_>>) -> Option<Vec<Value<'_>>> {
    (rows > 0).then_some(values)
}
