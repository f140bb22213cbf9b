use std::sync::{Arc, OnceLock};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use keyfob::{
    Author, Environment, KeyId, KeyRecord, KeyState, OrganizationId, RequestId, Timestamp,
};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::come_back::{Kept, Next};
use super::sessions::{IDLE, LONGEST};
use super::sign_in;
use crate::app::App;
use crate::db::{Membership, Organization, Person, Tenant};
use crate::error::{ApiError, Code};
use crate::people::{self, Login, Role};
use crate::token::Token;

/// The person of a request, and the organization that they look at.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) login: Login,
    pub(super) organization: Organization,
    pub(super) role: Role,
    /// All of theirs, to switch between.
    pub(super) memberships: Vec<Membership>,
    /// Whether a link has just signed them in, and not a password, which they may not have.
    pub(super) came_by_link: bool,
    /// Whether a form that is out of date may be of another organization.
    pub(super) has_switched: bool,
    /// What each form of this session has in it.
    pub(super) form_token: String,
    pub(super) now: Timestamp,
    request: RequestId,
}

impl SignedIn {
    /// Who does this, and in which request.
    pub(super) fn author(&self) -> Author {
        Author::from(self.login.actor()).with_request_id(self.request.clone())
    }

    pub(super) fn organization_id(&self) -> &OrganizationId {
        &self.organization.id
    }

    pub(super) fn tenant(&self, environment: Environment) -> Tenant {
        Tenant { organization: self.organization.id.clone(), environment }
    }

    pub(super) fn manages(&self, key: &KeyRecord) -> bool {
        people::manages(&self.login, self.role, key)
    }

    /// One of the organization's keys, to look at.
    pub(super) async fn key(&self, app: &App, id: KeyId) -> Result<KeyRecord, ApiError> {
        Ok(app.keys.get(self.organization_id(), id).await?)
    }

    /// One of them, to begin a change of.
    pub(super) async fn key_to_change(&self, app: &App, id: KeyId) -> Result<KeyRecord, ApiError> {
        let key = self.own_key(app, id).await?;
        if matches!(key.state, KeyState::Revoked(_)) {
            return Err(ApiError::conflict("the key is revoked, and that is final"));
        }
        Ok(key)
    }

    /// One of them, to change.
    pub(super) async fn own_key(&self, app: &App, id: KeyId) -> Result<KeyRecord, ApiError> {
        let key = self.key(app, id).await?;
        if self.manages(&key) {
            return Ok(key);
        }
        Err(ApiError::forbidden(match self.role {
            Role::Viewer => "a viewer sees keys, and changes none",
            _ => "a member changes only the keys that they made",
        }))
    }
}

/// Goes on only for those who may; the message is for the others.
pub(super) fn require(may: bool, message: &'static str) -> Result<(), ApiError> {
    if may { Ok(()) } else { Err(ApiError::forbidden(message)) }
}

/// What a session remembers.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    login: String,
    /// Of the person, when the session began.
    epoch: i64,
    organization: String,
    by_link: bool,
    /// Whether the person has switched organizations in this session.
    #[serde(default)]
    has_switched: bool,
    form_token: String,
    /// Microseconds, as all times here.
    begun_at: i64,
    seen_at: i64,
}

const NAME: &str = "signed_in";
/// A session is written down so often at most, to go on living.
const SEEN_EVERY: i64 = 60 * 1_000_000;

/// What somebody signed in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Password,
    Link,
}

/// For how long a link stands in for the password that its bearer may not have: microseconds.
const BY_LINK: i64 = 15 * 60 * 1_000_000;

/// Begins a session of this person: a new one, whatever the browser came with, so that nobody can
/// have planted its id there.
pub(super) async fn begin(
    session: &Session,
    app: &App,
    person: &Person,
    by: By,
) -> Result<(), ApiError> {
    session.clear().await;
    session.cycle_id().await?;
    let now = app.keys.now().as_micros();
    let remembered = Remembered {
        login: person.login.to_string(),
        epoch: person.epoch,
        organization: String::new(),
        by_link: by == By::Link,
        has_switched: false,
        form_token: Token::random()?.expose().into(),
        begun_at: now,
        seen_at: now,
    };
    Ok(session.insert(NAME, remembered).await?)
}

/// Looks at another organization from now on. Forms of pages that show the old one are void, so that
/// nobody makes a key in one while they see the other.
pub(super) async fn look_at(
    session: &Session,
    app: &App,
    id: &OrganizationId,
) -> Result<(), ApiError> {
    let Some(mut remembered) = session.get::<Remembered>(NAME).await? else {
        return Err(ApiError::forbidden("you are signed out"));
    };
    remembered.organization = id.to_string();
    remembered.form_token = Token::random()?.expose().into();
    remembered.has_switched = true;
    if let Ok(login) = remembered.login.parse::<Login>() {
        app.db.set_last_organization(&login, id).await?;
    }
    Ok(session.insert(NAME, remembered).await?)
}

/// Whether somebody is signed in, be it without an organization.
pub(super) async fn is_signed_in(session: &Session) -> bool {
    matches!(session.get::<Remembered>(NAME).await, Ok(Some(_)))
}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NotSignedIn> {
        let app = App::from_ref(state);
        let (Some(session), Some(request)) =
            (parts.extensions.get::<Session>(), parts.extensions.get::<RequestId>())
        else {
            let error = ApiError::new(Code::InternalError, "the request has no session or name");
            return Err(NotSignedIn::Failed(error));
        };
        let session = session.clone();
        let ended = session.id().is_some();
        if let Some(signed_in) = restore(&session, &app, request.clone()).await? {
            if let Some(seen) = parts.extensions.get::<Seen>() {
                // It is the same person in each extractor of a request.
                let _ = seen.0.set(signed_in.clone());
            }
            return Ok(signed_in);
        }
        if session.id().is_some() {
            session.flush().await.map_err(ApiError::from)?;
        }
        Err(NotSignedIn::Nobody { ended, next: Next::of(&parts.method, &parts.uri), kept: None })
    }
}

/// Who the session is of, if it is good still: `None` ends it.
async fn restore(
    session: &Session,
    app: &App,
    request: RequestId,
) -> Result<Option<SignedIn>, NotSignedIn> {
    let remembered: Option<Remembered> = session.get(NAME).await.map_err(ApiError::from)?;
    let Some(mut remembered) = remembered else { return Ok(None) };
    let now = app.keys.now();
    let age = now.as_micros().saturating_sub(remembered.begun_at);
    let Ok(login) = remembered.login.parse::<Login>() else { return Ok(None) };
    let standing = app.db.standing(&login).await.map_err(ApiError::from)?;
    let Some(standing) = standing else { return Ok(None) };
    let idle = now.as_micros().saturating_sub(remembered.seen_at);
    let is_over = i128::from(age) > LONGEST.whole_microseconds()
        || i128::from(idle) > IDLE.whole_microseconds();
    if is_over || standing.epoch != remembered.epoch {
        return Ok(None);
    }
    let memberships = standing.memberships;
    let of = |id: &str| memberships.iter().find(|own| own.organization.id.as_str() == id);
    // A new session begins where the last one was.
    let last = || standing.last_organization.as_deref().and_then(of);
    let seen = of(&remembered.organization).or_else(last).or(memberships.first()).cloned();
    let Some(Membership { organization, role }) = seen else {
        return Err(NotSignedIn::NoOrganization);
    };
    let (form_token, came_by_link) =
        (remembered.form_token.clone(), remembered.by_link && age < BY_LINK);
    let has_switched = remembered.has_switched;
    let switched = remembered.organization != organization.id.as_str();
    if switched || idle > SEEN_EVERY {
        remembered.organization = organization.id.to_string();
        remembered.seen_at = now.as_micros();
        session.insert(NAME, remembered).await.map_err(ApiError::from)?;
    }
    Ok(Some(SignedIn {
        login,
        organization,
        role,
        memberships,
        came_by_link,
        has_switched,
        form_token,
        now,
        request,
    }))
}

/// The person of a request, for the page of an error that may come.
#[derive(Clone, Default)]
pub(super) struct Seen(pub(super) Arc<OnceLock<SignedIn>>);

/// Why there is nobody to serve.
pub(super) enum NotSignedIn {
    Nobody {
        /// Whether the browser came with a session, which is over.
        ended: bool,
        /// The page to come back to.
        next: Option<Next>,
        /// The form that was sent.
        kept: Option<Kept>,
    },
    NoOrganization,
    Failed(ApiError),
}

impl From<ApiError> for NotSignedIn {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        match self {
            Self::Nobody { next: None, .. } => Redirect::to("/sign-in").into_response(),
            Self::Nobody { ended, next: Some(next), kept: None } => {
                let word = if ended { "session-ended" } else { "sign-in" };
                Redirect::to(&next.sign_in(word)).into_response()
            }
            Self::Nobody { next: Some(next), kept: Some(kept), .. } => {
                let page = sign_in::page_with_form(&next, &kept);
                (StatusCode::UNAUTHORIZED, page).into_response()
            }
            Self::NoOrganization => {
                let message = "you are a member of no organization: ask an owner to add you";
                ApiError::forbidden(message).into_response()
            }
            Self::Failed(error) => error.into_response(),
        }
    }
}

impl From<tower_sessions::session::Error> for ApiError {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::failure(&error, true)
    }
}

impl From<keyfob::EntropyError> for ApiError {
    fn from(error: keyfob::EntropyError) -> Self {
        Self::failure(&error, true)
    }
}
