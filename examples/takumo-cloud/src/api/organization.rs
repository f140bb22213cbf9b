use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyfob::{Environment, KeyName};
use serde::Serialize;

use crate::app::{App, OrganizationError};
use crate::auth::Caller;
use crate::db::{Organization, OrganizationChange};
use crate::error::ApiError;
use crate::json::JsonObject;
use crate::takumo::Plan;
use crate::views::key_limit;

#[derive(Serialize)]
pub(super) struct OrganizationJson {
    id: String,
    name: String,
    plan: &'static str,
    /// Null when unlimited.
    key_limit: Option<u64>,
    keys_in_use: u64,
}

/// `GET /v1/organization`
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<OrganizationJson>, ApiError> {
    let organization = app.organization(&caller.principal.organization).await?;
    answer(&app, organization).await
}

/// `PATCH /v1/organization` `{"name"?,"plan"?}`
///
/// Live and test share an organization, so a change of it is one of live.
pub(super) async fn edit(
    State(app): State<App>,
    caller: Caller,
    mut fields: JsonObject,
) -> Result<Json<OrganizationJson>, ApiError> {
    let change = OrganizationChange {
        name: fields.parsed::<KeyName>("name")?,
        plan: fields.parsed::<Plan>("plan")?,
    };
    fields.finish()?;
    if change.name.is_none() && change.plan.is_none() {
        return Err(ApiError::bad_request("give a name or a plan to change"));
    }
    if !caller.reaches(Environment::Live) {
        return Err(ApiError::forbidden("a test key can't change the organization"));
    }
    let id = &caller.principal.organization;
    let organization = app.edit_organization(id, change, caller.author()).await?;
    answer(&app, organization).await
}

/// `DELETE /v1/organization` `{"confirm"}`, which is the organization's id
///
/// Every key of it is refused from now on, the caller's own included.
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    mut fields: JsonObject,
) -> Result<StatusCode, ApiError> {
    let confirm = fields.required::<String>("confirm")?;
    fields.finish()?;
    if !caller.reaches(Environment::Live) {
        return Err(ApiError::forbidden("a test key can't delete the organization"));
    }
    let id = &caller.principal.organization;
    if confirm != id.as_str() {
        return Err(ApiError::bad_request("confirm: must be the id of your organization"));
    }
    app.delete_organization(id, caller.author()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn answer(app: &App, organization: Organization) -> Result<Json<OrganizationJson>, ApiError> {
    Ok(Json(OrganizationJson {
        keys_in_use: app.keys.keys_in_use(&organization.id).await?,
        id: organization.id.to_string(),
        name: organization.name.to_string(),
        plan: organization.plan.as_str(),
        key_limit: key_limit(organization.plan),
    }))
}

impl From<OrganizationError> for ApiError {
    fn from(error: OrganizationError) -> Self {
        match error {
            OrganizationError::NotFound => Self::not_found(error.to_string()),
            OrganizationError::Exists => Self::conflict(error.to_string()),
            OrganizationError::Tables(error) => error.into(),
            OrganizationError::Log(error) => error.into(),
        }
    }
}
