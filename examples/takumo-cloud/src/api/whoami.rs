use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;

#[derive(Serialize)]
pub(super) struct WhoAmI {
    organization: String,
    key_id: String,
    name: String,
    /// Of the key's newest secret.
    hint: Option<String>,
    environment: &'static str,
    scopes: Vec<String>,
}

/// `GET /v1/whoami`
pub(super) async fn show(State(app): State<App>, caller: Caller) -> Result<Json<WhoAmI>, ApiError> {
    let principal = &caller.principal;
    let key = app.keys.get(&principal.organization, principal.key).await?;
    Ok(Json(WhoAmI {
        organization: principal.organization.to_string(),
        key_id: principal.key.to_string(),
        name: key.name.to_string(),
        hint: key.secrets.first().map(|secret| secret.hint.to_string()),
        environment: principal.environment.as_str(),
        scopes: principal.scopes.iter().map(|scope| scope.to_string()).collect(),
    }))
}
