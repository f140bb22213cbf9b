use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyfob::Details;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::auth::Caller;
use crate::cursor::{self, List};
use crate::db::{Policy, PolicyWrite, Saved};
use crate::error::ApiError;
use crate::json::JsonObject;
use crate::parameters::{Parameters, PolicyPath};
use crate::time::rfc3339;

#[derive(Serialize)]
pub(super) struct PoliciesJson {
    policies: Vec<PolicyJson>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
pub(super) struct PolicyJson {
    name: String,
    version: u32,
    document: Map<String, Value>,
    updated_at: String,
    updated_by: String,
}

/// `GET /v1/policies`, with `limit` and `cursor`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<PoliciesJson>, ApiError> {
    let tenant = caller.tenant();
    let size = parameters.page_size()?;
    let after = parameters.cursor(List::Policies, &tenant)?;
    parameters.finish()?;

    let page = app.db.policies(tenant.clone(), size, after).await?;
    Ok(Json(PoliciesJson {
        policies: page.items.into_iter().map(PolicyJson::from).collect(),
        next_cursor: page.next.map(|place| cursor::encode(List::Policies, &tenant, &place)),
    }))
}

/// `GET /v1/policies/{name}`
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    PolicyPath(name): PolicyPath,
) -> Result<Json<PolicyJson>, ApiError> {
    let policy = app.db.policy(caller.tenant(), name).await?;
    let policy = policy.ok_or_else(|| ApiError::not_found("there is no policy of this name"))?;
    Ok(Json(policy.into()))
}

/// `PUT /v1/policies/{name}`: the body is the policy, any JSON object
///
/// Storing the same again changes nothing, not even the version.
pub(super) async fn save(
    State(app): State<App>,
    caller: Caller,
    PolicyPath(name): PolicyPath,
    document: JsonObject,
) -> Result<(StatusCode, Json<PolicyJson>), ApiError> {
    let tenant = caller.tenant();
    let write = PolicyWrite {
        name,
        document: document.into_map(),
        updated_at: app.keys.now(),
        updated_by: caller.actor().to_string(),
    };
    let (status, policy) = match app.db.save_policy(tenant.clone(), write).await? {
        Saved::Unchanged(policy) => return Ok((StatusCode::OK, Json(policy.into()))),
        Saved::Created(policy) => (StatusCode::CREATED, policy),
        Saved::Changed(policy) => (StatusCode::OK, policy),
    };
    let details = Details::from_iter([
        ("name".into(), policy.name.as_str().into()),
        ("version".into(), policy.version.into()),
        ("environment".into(), tenant.environment.as_str().into()),
    ]);
    app.log(&tenant.organization, "policy.edited", details, caller.author()).await?;
    Ok((status, Json(policy.into())))
}

impl From<Policy> for PolicyJson {
    fn from(policy: Policy) -> Self {
        Self {
            name: policy.name,
            version: policy.version,
            document: policy.document,
            updated_at: rfc3339(policy.updated_at),
            updated_by: policy.updated_by,
        }
    }
}
