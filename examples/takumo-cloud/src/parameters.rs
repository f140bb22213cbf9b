//! Reads what a path and a query say, as strictly as the JSON of bodies is read.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use keyfob::{KeyId, PageSize};

use crate::cursor::{self, List, Place};
use crate::db::Tenant;
use crate::error::ApiError;
use crate::json::unknown;

/// The parameters of a query, which are taken one by one.
#[derive(Clone, Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes a parameter, if it is there.
    pub(crate) fn take<T: FromStr<Err: Display>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = |error| ApiError::bad_request(format!("{name}: {error}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// Takes `limit`: how many records a page has at most.
    pub(crate) fn page_size(&mut self) -> Result<PageSize, ApiError> {
        let Some(text) = self.text("limit")? else { return Ok(PageSize::default()) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| digits)
            .and_then(PageSize::new)
            .ok_or_else(|| ApiError::bad_request("limit: must be a whole number from 1 to 200"))
    }

    /// Takes `cursor`: where the page begins.
    pub(crate) fn cursor<P: Place>(
        &mut self,
        list: List,
        tenant: &Tenant,
    ) -> Result<Option<P>, ApiError> {
        let Some(text) = self.text("cursor")? else { return Ok(None) };
        let wrong = |error| ApiError::bad_request(format!("cursor: {error}"));
        cursor::decode(list, tenant, &text).map(Some).map_err(wrong)
    }

    /// Ends the reading: a parameter that nobody took is one that does not exist.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(unknown("parameter", name)),
        }
    }

    fn text(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        let mut taken = self.0.extract_if(.., |(own, _)| own == name).map(|(_, text)| text);
        let text = taken.next();
        if taken.next().is_some() {
            return Err(ApiError::bad_request(format!(
                "{name}: this parameter stands there twice"
            )));
        }
        Ok(text)
    }
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(parameters)| Self(parameters))
            .map_err(|_| ApiError::bad_request("the query is not made of name=value pairs"))
    }
}

/// The `{id}` of a path: a key's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyPath(pub(crate) KeyId);

impl<S: Send + Sync> FromRequestParts<S> for KeyPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let segment = segment(parts, state).await?;
        segment
            .parse()
            .map(Self)
            .map_err(|error: keyfob::InvalidKeyId| ApiError::bad_request(error.to_string()))
    }
}

/// The `{name}` of a path: a policy's. 1 to 64 of `[a-z0-9_-]`, starting with a letter.
#[derive(Clone, Debug)]
pub(crate) struct PolicyPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PolicyPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let name = segment(parts, state).await?;
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
        if starts_well && name.len() <= 64 && name.bytes().all(allowed) {
            return Ok(Self(name));
        }
        Err(ApiError::bad_request(
            "a policy's name is 1 to 64 of [a-z0-9_-] and starts with a letter",
        ))
    }
}

async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
    path.map(|Path(segment)| segment)
        .map_err(|_| ApiError::bad_request("the path is not UTF-8 once it is decoded"))
}
