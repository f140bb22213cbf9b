//! The fields of a form that was sent, read as strictly as the JSON of the API is.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRef, FromRequest, FromRequestParts, Request};
use tower_sessions::Session;

use super::come_back::{Kept, Next};
use super::signed_in::{NotSignedIn, SignedIn};
use crate::app::App;
use crate::error::{ApiError, Code};
use crate::json::{holds_key, unknown};
use crate::{scanner, token};

/// A form of this session: whatever changes something takes one, so that nothing can be changed
/// without the token that only a page of this session has.
pub(super) struct Submission {
    pub(super) by: SignedIn,
    pub(super) fields: Fields,
}

/// The name of the field that has the token.
pub(super) const TOKEN_FIELD: &str = "form_token";

impl<S> FromRequest<S> for Submission
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = NotSignedIn;

    async fn from_request(request: Request, state: &S) -> Result<Self, NotSignedIn> {
        let Search { by, fields } = Search::from_request(request, state).await?;
        fields.hold_no_key()?;
        Ok(Self { by, fields })
    }
}

/// A form of this session whose fields may hold a key, since that is what a person looks for.
pub(super) struct Search {
    pub(super) by: SignedIn,
    pub(super) fields: Fields,
}

impl<S> FromRequest<S> for Search
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = NotSignedIn;

    async fn from_request(request: Request, state: &S) -> Result<Self, NotSignedIn> {
        let (mut parts, body) = request.into_parts();
        // The body first: a client can send it for minutes, and the role must be that of the moment
        // when the change is made.
        let fields = Fields::read(Request::from_parts(parts.clone(), body), state).await;
        let by = SignedIn::from_request_parts(&mut parts, state).await;
        let session = parts.extensions.get::<Session>().cloned();
        let next = Next::of(&parts.method, &parts.uri);
        let (by, mut fields) = match (by, fields) {
            // The form says that there was a session.
            (Err(NotSignedIn::Nobody { next, .. }), Ok(fields)) => {
                let kept = Kept::of(&fields);
                return Err(NotSignedIn::Nobody { ended: true, next, kept: Some(kept) });
            }
            (by, fields) => (by?, fields?),
        };
        let given = fields.text(TOKEN_FIELD)?.unwrap_or_default();
        if !token::same(&given, &by.form_token) {
            if let (Some(session), Some(next)) = (session, next) {
                let kept = Kept::of(&fields);
                // What was typed for one organization must not be sent in another.
                if !kept.is_empty() && !by.has_switched {
                    kept.leave(&session, &next).await?;
                }
            }
            let message = "this form is out of date, and nothing was changed: open it again, check \
                           it, and send it";
            return Err(ApiError::forbidden(message).into());
        }
        Ok(Self { by, fields })
    }
}

/// Fields that are taken one by one.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl From<Vec<(String, String)>> for Fields {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

impl Fields {
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Takes a field, with what is around it, if there is one.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        let mut taken = self.all(name).into_iter();
        match (taken.next(), taken.next()) {
            (text, None) => Ok(text),
            (_, Some(_)) => {
                Err(ApiError::bad_request(format!("{name}: this field is there twice")))
            }
        }
    }

    /// Takes a field that must be there. One that a person left empty is not.
    pub(super) fn required(&mut self, name: &'static str) -> Result<String, ApiError> {
        self.given(name)?
            .ok_or_else(|| ApiError::bad_request(format!("{name}: this field is needed")))
    }

    /// Takes a field, unless it was left empty.
    pub(super) fn given(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// Takes a field as a text with a rule of its own.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        name: &'static str,
    ) -> Result<T, ApiError> {
        let text = self.required(name)?;
        text.parse().map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
    }

    /// Takes every field of this name: the boxes that were ticked.
    pub(super) fn all(&mut self, name: &'static str) -> Vec<String> {
        self.0.extract_if(.., |(own, _)| own == name).map(|(_, text)| text).collect()
    }

    /// Ends the reading: a field that nobody took is one that does not exist.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(unknown("field", name)),
        }
    }
}

impl Fields {
    async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Self, ApiError> {
        let form: Result<Form<Vec<(String, String)>>, FormRejection> =
            Form::from_request(request, state).await;
        let Form(fields) = form.map_err(|rejection| match rejection.status().as_u16() {
            413 => ApiError::new(Code::PayloadTooLarge, "a form has at most 65536 bytes"),
            _ => ApiError::bad_request("this is not a form of this site"),
        })?;
        Ok(Self(fields))
    }

    /// Refuses a form that holds a key: fields are stored and shown.
    fn hold_no_key(&self) -> Result<(), ApiError> {
        let holds = |text: &String| scanner::mentions_key(text);
        if self.0.iter().any(|(name, text)| holds(name) || holds(text)) {
            return Err(holds_key("a field of the form"));
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let fields = Self::read(request, state).await?;
        fields.hold_no_key()?;
        Ok(fields)
    }
}
