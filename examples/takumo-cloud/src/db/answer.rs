//! What a database sends back. A value that takumo would not have written is an error that names
//! its column and shows nothing of it.

use std::str::FromStr;
use std::sync::Arc;

use keyfob::Timestamp;
use serde::de::DeserializeOwned;

use super::DatabaseError;
use super::statement::Value;

/// The answer to one statement.
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    /// How many rows the statement wrote, if it is one that writes.
    pub(super) written: u64,
}

impl Answer {
    /// The only row, or `None`.
    pub(super) fn one<T>(
        self,
        read: impl FnOnce(&Row) -> Result<T, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        self.rows.first().map(read).transpose()
    }

    /// Every row.
    pub(super) fn all<T>(
        self,
        read: impl FnMut(&Row) -> Result<T, DatabaseError>,
    ) -> Result<Vec<T>, DatabaseError> {
        self.rows.iter().map(read).collect()
    }
}

/// A row, whose values are asked for by the names of their columns.
pub(super) struct Row {
    pub(super) columns: Arc<[String]>,
    pub(super) values: Vec<Value>,
}

impl Row {
    /// A value: a number, text, bytes, a flag, a time, or an `Option` of these.
    pub(super) fn get<T: FromValue>(&self, column: &'static str) -> Result<T, DatabaseError> {
        let place = self.columns.iter().position(|name| name == column);
        let value = place.and_then(|place| self.values.get(place));
        value.and_then(T::from_value).ok_or(DatabaseError::Corrupt(column))
    }

    /// A value that is kept as text and has a rule of its own.
    pub(super) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, DatabaseError> {
        let text: String = self.get(column)?;
        text.parse().map_err(|_| DatabaseError::Corrupt(column))
    }

    /// A value that is kept as JSON.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<T, DatabaseError> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|_| DatabaseError::Corrupt(column))
    }
}

/// What a column can be read as.
pub(super) trait FromValue: Sized {
    /// `None` when it is something else.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Integer(integer) = value { Some(*integer) } else { None }
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_micros)
    }
}

impl FromValue for bool {
    /// SQLite's flags are the numbers 0 and 1.
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Flag(flag) => Some(*flag),
            Value::Integer(flag @ 0..=1) => Some(*flag == 1),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Blob(bytes) = value { Some(bytes.clone()) } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: Vec<Value>) -> Row {
        let columns = ["a", "b"].map(str::to_owned);
        Row { columns: columns.into(), values }
    }

    #[test]
    fn values_are_read_by_the_name_of_their_column() {
        let row = row(vec![Value::Integer(7), Value::Text("seven".into())]);
        assert_eq!(row.get::<u32>("a").unwrap(), 7);
        assert_eq!(row.get::<String>("b").unwrap(), "seven");
        assert_eq!(row.get::<Option<i64>>("a").unwrap(), Some(7));
    }

    #[test]
    fn value_of_another_kind_is_corrupt_and_names_its_column() {
        let row = row(vec![Value::Integer(-1), Value::Null]);
        assert!(matches!(row.get::<u32>("a"), Err(DatabaseError::Corrupt("a"))));
        assert!(matches!(row.get::<bool>("a"), Err(DatabaseError::Corrupt("a"))));
        assert!(matches!(row.get::<String>("b"), Err(DatabaseError::Corrupt("b"))));
        assert!(matches!(row.get::<i64>("c"), Err(DatabaseError::Corrupt("c"))));
        assert_eq!(row.get::<Option<i64>>("b").unwrap(), None);
    }
}
