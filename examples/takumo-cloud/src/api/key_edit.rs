use axum::Json;
use axum::extract::State;
use keyfob::{Expiry, KeyEdit, KeyName, Timestamp};

use super::key_fields;
use super::keys::visible;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json::JsonObject;
use crate::parameters::KeyPath;
use crate::views::KeyView;

/// `PATCH /v1/keys/{id}` `{"name"?,"scopes"?,"expires_in_seconds"?,"expires_at"?}`
///
/// All of the new scopes must be the caller's, those that the key has already included: what it has
/// may change between this look at it and the change.
///
/// An `expires_at` that has passed expires the key now, and a later one makes it live again.
pub(super) async fn edit(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    fields: JsonObject,
) -> Result<Json<KeyView>, ApiError> {
    let edit = read(&caller, fields, app.keys.now())?;
    let key = visible(&app, &caller, id).await?;
    let limit = app.organization(&key.organization).await?.plan.key_limit();
    let key = app.keys.edit(&key.organization, id, edit, limit, caller.author()).await?;
    Ok(Json(KeyView::new(&key, app.keys.now())))
}

fn read(caller: &Caller, mut fields: JsonObject, now: Timestamp) -> Result<KeyEdit, ApiError> {
    let name = fields.parsed::<KeyName>("name")?;
    let scopes = fields.optional::<Vec<String>>("scopes")?;
    let expiry = key_fields::expiry(&mut fields)?;
    fields.finish()?;

    if name.is_none() && scopes.is_none() && expiry.is_none() {
        return Err(ApiError::bad_request("give a name, scopes or an expiry to change"));
    }
    let scopes = scopes.map(|scopes| key_fields::granted(caller, &scopes)).transpose()?;
    let expires_at = expiry.map(|expiry| match expiry {
        Expiry::Never => None,
        Expiry::At(at) => Some(at),
        Expiry::After(life) => Some(now.saturating_add(life)),
    });
    Ok(KeyEdit { name, scopes: scopes.map(Into::into), expires_at })
}
