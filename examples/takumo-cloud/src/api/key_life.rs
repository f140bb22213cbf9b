//! What can be done to a key that exists: each route is one of its transitions.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyfob::{IssuedOnce, KeyRecord, MOST_OVERLAP, Reason, RotateError};

use super::idempotency::Idempotency;
use super::issued::Issued;
use super::keys::visible;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::grants::Grantor;
use crate::json::JsonObject;
use crate::parameters::KeyPath;
use crate::takumo::Scope;
use crate::views::{ConfirmationView, KeyView, RevokedView};

/// `POST /v1/keys/{id}/rotate` `{"overlap_seconds":0…604800}`
///
/// The answer has a plaintext that may do what the key may do, so the caller must be one that could
/// have made such a key. Otherwise `org:write` alone would be a way to every other scope.
pub(super) async fn rotate(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    Idempotency(token): Idempotency,
    mut fields: JsonObject,
) -> Result<Issued, ApiError> {
    let overlap = Duration::from_secs(fields.required::<u64>("overlap_seconds")?);
    fields.finish()?;
    if overlap > MOST_OVERLAP {
        return Err(overlap_too_long());
    }
    let key = visible(&app, &caller, id).await?;
    Grantor::key(&app, &caller).await?.check_rotation(&key)?;
    let (organization, author) = (&key.organization, caller.author());
    let key = match token {
        Some(token) => app.keys.rotate_once(token, organization, id, overlap, author).await?,
        None => IssuedOnce::New(app.keys.rotate(organization, id, overlap, author).await?),
    };
    Ok(Issued { first: StatusCode::OK, key, now: app.keys.now() })
}

/// `POST /v1/keys/{id}/retire`: ends the overlap of a rotation now
pub(super) async fn retire(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    fields: Option<JsonObject>,
) -> Result<Json<KeyView>, ApiError> {
    fields.unwrap_or_default().finish()?;
    let key = visible(&app, &caller, id).await?;
    let key = app.keys.retire_old_secret(&key.organization, id, caller.author()).await?;
    Ok(shown(&app, &key))
}

/// `POST /v1/keys/{id}/disable`
pub(super) async fn disable(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    fields: Option<JsonObject>,
) -> Result<Json<KeyView>, ApiError> {
    fields.unwrap_or_default().finish()?;
    let key = visible(&app, &caller, id).await?;
    let key = app.keys.disable(&key.organization, id, caller.author()).await?;
    Ok(shown(&app, &key))
}

/// `POST /v1/keys/{id}/enable`
pub(super) async fn enable(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    fields: Option<JsonObject>,
) -> Result<Json<KeyView>, ApiError> {
    fields.unwrap_or_default().finish()?;
    let key = visible(&app, &caller, id).await?;
    Grantor::key(&app, &caller).await?.check_enabling(&key)?;
    let key = app.keys.enable(&key.organization, id, caller.author()).await?;
    Ok(shown(&app, &key))
}

/// `POST /v1/keys/{id}/revoke` `{"reason"?,"confirm_within_seconds"?}`
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    fields: Option<JsonObject>,
) -> Result<Json<RevokedView>, ApiError> {
    let mut fields = fields.unwrap_or_default();
    let reason = fields.parsed::<Reason>("reason")?;
    let within = fields.optional::<u64>("confirm_within_seconds")?.map(Duration::from_secs);
    fields.finish()?;
    if within.is_some_and(|within| within > LONGEST_WAIT) {
        let most = LONGEST_WAIT.as_secs();
        let message = format!("confirm_within_seconds: must be from 0 to {most}");
        return Err(ApiError::bad_request(message));
    }
    let key = visible(&app, &caller, id).await?;
    let revoke = app.keys.revoke(&key.organization, id, reason, caller.author());
    let Some(within) = within else {
        return Ok(Json(RevokedView::new(&revoke.await?, None, app.keys.now())));
    };
    let confirmation = revoke.confirmed(within).await?;
    let sees_nodes = caller.principal.scopes.contains(Scope::FleetRead);
    let shown = ConfirmationView { confirmation: &confirmation, sees_nodes };
    Ok(Json(RevokedView::new(&confirmation.key, Some(shown), app.keys.now())))
}

/// How long a request may wait for a confirmation.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

fn shown(app: &App, key: &KeyRecord) -> Json<KeyView> {
    Json(KeyView::new(key, app.keys.now()))
}

fn overlap_too_long() -> ApiError {
    let most = MOST_OVERLAP.as_secs();
    ApiError::bad_request(format!("overlap_seconds: must be from 0 to {most}, which is 7 days"))
}

impl From<RotateError> for ApiError {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Store(error) => error.into(),
            RotateError::OverlapTooLong => overlap_too_long(),
            _ => Self::failure(&error, true),
        }
    }
}
