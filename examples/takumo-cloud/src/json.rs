//! Reads the JSON of requests: strictly, and with errors that say what is wrong and quote nothing.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{ApiError, Code};
use crate::scanner;

/// The largest body that is read, in bytes.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// The JSON object of a request's body, whose fields are taken one by one.
///
/// A body that has a key of this service anywhere is refused. What clients send is stored and
/// shown, and a key pasted into the wrong field would be stored and shown too.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonObject(Map<String, Value>);

/// A body in which keys are expected: that of a scan.
#[derive(Clone, Debug)]
pub(crate) struct JsonWithKeys(pub(crate) JsonObject);

impl JsonObject {
    /// Takes a field that must be there.
    pub(crate) fn required<T: Field>(&mut self, name: &'static str) -> Result<T, ApiError> {
        self.optional(name)?
            .ok_or_else(|| ApiError::bad_request(format!("{name}: this field is needed")))
    }

    /// Takes a field that may be missing or null.
    pub(crate) fn optional<T: Field>(&mut self, name: &'static str) -> Result<Option<T>, ApiError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match T::read(value) {
                Some(field) => Ok(Some(field)),
                None => Err(ApiError::bad_request(format!("{name}: must be {}", T::WHAT))),
            },
        }
    }

    /// Takes a field of which null says something else than that it is missing.
    pub(crate) fn nullable<T: Field>(&mut self, name: &'static str) -> Result<Given<T>, ApiError> {
        let is_there = self.0.contains_key(name);
        Ok(match self.optional(name)? {
            Some(value) => Given::Value(value),
            None if is_there => Given::Null,
            None => Given::Nothing,
        })
    }

    /// Takes a field that must be there, as a text with a rule of its own.
    pub(crate) fn required_parsed<T>(&mut self, name: &'static str) -> Result<T, ApiError>
    where
        T: FromStr<Err: Display>,
    {
        parsed(name, &self.required::<String>(name)?)
    }

    /// The same of a field that may be missing or null.
    pub(crate) fn parsed<T>(&mut self, name: &'static str) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err: Display>,
    {
        self.optional::<String>(name)?.map(|text| parsed(name, &text)).transpose()
    }

    /// Ends the reading: a field that nobody took is one that does not exist.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(unknown("field", name)),
        }
    }

    /// The object as it is.
    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Whether a key of this service stands anywhere in it.
    pub(crate) fn mention_a_key(&self) -> bool {
        has_key(&self.0)
    }

    fn without_keys(self) -> Result<Self, ApiError> {
        if self.mention_a_key() { Err(holds_key("the body")) } else { Ok(self) }
    }
}

impl From<Map<String, Value>> for JsonObject {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

fn parsed<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
}

/// What is wrong with a text that has a key in it.
pub(crate) fn holds_key(what: &str) -> ApiError {
    ApiError::bad_request(format!("{what} holds an API key, which must never be stored"))
}

/// Names what does not exist, if the name is harmless to repeat.
pub(crate) fn unknown(kind: &str, name: &str) -> ApiError {
    let harmless = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    ApiError::bad_request(if harmless {
        format!("there is no {kind} named {name:?} here")
    } else {
        format!("there is a {kind} here that does not exist")
    })
}

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// The field is missing.
    Nothing,
    Null,
    Value(T),
}

/// A value that a field may have.
pub(crate) trait Field: Sized {
    const WHAT: &'static str;
    fn read(value: Value) -> Option<Self>;
}

impl Field for String {
    const WHAT: &'static str = "a string";

    fn read(value: Value) -> Option<Self> {
        if let Value::String(text) = value { Some(text) } else { None }
    }
}

impl Field for u64 {
    const WHAT: &'static str = "a whole number, not negative";

    fn read(value: Value) -> Option<Self> {
        value.as_u64()
    }
}

impl Field for Vec<String> {
    const WHAT: &'static str = "a list of strings";

    fn read(value: Value) -> Option<Self> {
        let Value::Array(items) = value else { return None };
        items.into_iter().map(String::read).collect()
    }
}

impl<S: Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        parse(&parts.headers, &body)?.without_keys()
    }
}

impl<S: Sync> FromRequest<S> for JsonWithKeys {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        parse(&parts.headers, &body).map(Self)
    }
}

/// For requests that may come without a body.
impl<S: Sync> OptionalFromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, ApiError> {
        let (parts, body) = request.into_parts();
        let body = read(body).await?;
        if body.is_empty() {
            return Ok(None);
        }
        parse(&parts.headers, &body)?.without_keys().map(Some)
    }
}

async fn read(mut body: Body) -> Result<Bytes, ApiError> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|_| ApiError::bad_request("the body ended before its announced length"))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > BODY_LIMIT {
            return Err(ApiError::new(Code::PayloadTooLarge, "a body has at most 65536 bytes"));
        }
        read.extend_from_slice(&data);
    }
    Ok(read.into())
}

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<JsonObject, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or("");
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(ApiError::bad_request("send JSON as such: Content-Type: application/json"));
    }
    serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(match error.classify() {
            serde_json::error::Category::Data => {
                "the body must be a JSON object that has each field once".into()
            }
            _ => format!(
                "the body is not valid JSON: see line {}, column {}",
                error.line(),
                error.column()
            ),
        })
    })
}

/// Unlike a plain map, which lets the last of two fields of one name win.
impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = JsonObject;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = map.next_entry()? {
                    if fields.insert(name, value).is_some() {
                        return Err(A::Error::custom("a field stands twice"));
                    }
                }
                Ok(JsonObject(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

fn has_key(map: &Map<String, Value>) -> bool {
    fn in_value(value: &Value) -> bool {
        match value {
            Value::String(text) => scanner::mentions_key(text),
            Value::Array(items) => items.iter().any(in_value),
            Value::Object(map) => has_key(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    map.iter().any(|(name, value)| scanner::mentions_key(name) || in_value(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use keyfob::RequestId;

    fn message(error: &ApiError) -> String {
        error.body(&RequestId::new("req_1").unwrap())
    }

    fn object(body: &str) -> Result<JsonObject, ApiError> {
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, json);
        parse(&headers, body.as_bytes())
    }

    #[test]
    fn fields_are_typed_and_all_are_taken() {
        let mut fields = object(r#"{"name":"x","count":3,"nothing":null,"other":1}"#).unwrap();
        assert_eq!(fields.required::<String>("name").unwrap(), "x");
        assert_eq!(fields.optional::<u64>("count").unwrap(), Some(3));
        assert_eq!(fields.optional::<u64>("nothing").unwrap(), None);
        assert!(message(&fields.required::<String>("gone").unwrap_err()).contains("gone"));
        assert!(message(&fields.finish().unwrap_err()).contains("other"));
    }

    #[test]
    fn errors_quote_nothing_that_was_sent() {
        let key = format!("tk_live_{}", "0123456789abcdef".repeat(4));
        let bodies = [
            key.clone(),
            format!("\"{key}\""),
            format!("[\"{key}\"]"),
            format!("{{\"{key}\":1}}"),
            format!("{{\"{key}\":1,\"{key}\":2}}"),
            format!("{{\"name\":\"{key}"),
        ];
        for body in bodies {
            let error = object(&body).and_then(JsonObject::finish).unwrap_err();
            assert!(!message(&error).contains("0123"), "{}", message(&error));
        }
    }

    #[test]
    fn keys_are_seen_at_any_depth() {
        let key = format!("tk_test_{}", "0".repeat(64));
        for body in [
            format!("{{\"a\":\"x {key}\"}}"),
            format!("{{\"a\":[{{\"b\":\"{key}\"}}]}}"),
            format!("{{\"{key}\":1}}"),
            format!("{{\"a\":\"{}\"}}", key.replace("tk_", "\\u0074k_")),
        ] {
            assert!(object(&body).unwrap().without_keys().is_err(), "{body}");
        }
        assert!(object(r#"{"a":"tk_live_a1b2c3d4…"}"#).unwrap().without_keys().is_ok());
    }
}
