//! What is sent to a database.

use keyfob::{Environment, KeyName, OrganizationId, Timestamp};
use serde::Serialize;

use crate::people::{Login, Role};
use crate::takumo::Plan;

/// A statement in the SQL that SQLite and PostgreSQL share.
///
/// Parameters are written `?1`, `?2`, and so on. The tables are called `takumo_…` in SQLite and in
/// the statement; PostgreSQL has a schema for them, and there `takumo_policies` is `takumo.policies`.
/// Flags are compared by `flag` and `NOT flag`, since only SQLite takes them for numbers.
pub(super) struct Statement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
}

impl Statement {
    pub(super) const fn new(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values }
    }

    /// Returns true if it writes nothing.
    pub(super) fn reads(&self) -> bool {
        self.sql.starts_with("SELECT")
    }
}

/// What a column or a parameter may hold. Times are 64-bit microseconds.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Has no type: where none follows from the context, as in `?1 IS NULL`, say which:
    /// `CAST(?1 AS TEXT) IS NULL`.
    Null,
    Flag(bool),
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// The values of a statement's parameters, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::statement::Value::from($value)),*] };
}
pub(super) use values;

/// JSON, which is kept as text.
pub(super) fn json(value: &impl Serialize) -> Value {
    let text = serde_json::to_string(value);
    Value::Text(text.expect("what takumo keeps as JSON derives its form, and its keys are text"))
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

macro_rules! from_integer {
    ($($Integer:ty),+) => {$(
        impl From<$Integer> for Value {
            fn from(integer: $Integer) -> Self {
                Self::Integer(integer.into())
            }
        }
    )+};
}

from_integer!(i64, u32);

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Integer(time.as_micros())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

macro_rules! from_text {
    ($($Text:ty),+) => {$(
        impl From<$Text> for Value {
            fn from(text: $Text) -> Self {
                Self::Text(text.as_str().to_owned())
            }
        }
    )+};
}

from_text!(&OrganizationId, &KeyName, &Login, Environment, Plan, Role);

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
