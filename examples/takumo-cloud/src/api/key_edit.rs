use axum::Json;
use axum::extract::State;
use keyfob::{KeyEdit, KeyName, Timestamp};

use super::key_fields;
use super::keys::visible;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::grants::Grantor;
use crate::json::JsonObject;
use crate::parameters::KeyPath;
use crate::views::KeyView;

/// `PATCH /v1/keys/{id}` `{"name"?,"scopes"?,"expires_in_seconds"?,"expires_at"?}`
///
/// What the caller may give to the key is the rule of [`grants`](crate::grants).
///
/// An `expires_at` that has passed expires the key now, and a later one makes it live again.
pub(super) async fn edit(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    fields: JsonObject,
) -> Result<Json<KeyView>, ApiError> {
    let edit = read(fields, app.keys.now())?;
    let key = visible(&app, &caller, id).await?;
    Grantor::key(&app, &caller).await?.check_edit(&key, &edit)?;
    let limit = app.organization(&key.organization).await?.plan.key_limit();
    let key = app.keys.edit(&key.organization, id, edit, limit, caller.author()).await?;
    Ok(Json(KeyView::new(&key, app.keys.now())))
}

fn read(mut fields: JsonObject, now: Timestamp) -> Result<KeyEdit, ApiError> {
    let name = fields.parsed::<KeyName>("name")?;
    let scopes = fields.optional::<Vec<String>>("scopes")?;
    let expiry = key_fields::expiry(&mut fields)?;
    fields.finish()?;

    if name.is_none() && scopes.is_none() && expiry.is_none() {
        return Err(ApiError::bad_request("give a name, scopes or an expiry to change"));
    }
    let scopes = scopes.map(|scopes| key_fields::scopes(&scopes)).transpose()?;
    let expires_at = expiry.map(|expiry| expiry.at(now));
    Ok(KeyEdit { name, scopes: scopes.map(Into::into), expires_at })
}
