use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyfob::{
    CreateKey, Environment, Expiry, IssuedOnce, KeyId, KeyName, KeyQuery, KeyRecord, ScopeSet,
    StoreError,
};
use serde::Serialize;

use super::idempotency::Idempotency;
use super::issued::Issued;
use super::key_fields;
use crate::app::App;
use crate::auth::Caller;
use crate::cursor::{self, List};
use crate::error::ApiError;
use crate::grants::{Grantor, Power};
use crate::json::JsonObject;
use crate::parameters::{KeyPath, Parameters};
use crate::takumo::Scope;
use crate::views::{KeyView, NamedStatus};

#[derive(Serialize)]
pub(super) struct KeysJson {
    keys: Vec<KeyView>,
    next_cursor: Option<String>,
}

/// `GET /v1/keys`, with `limit`, `cursor`, `status` and `environment`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<KeysJson>, ApiError> {
    let tenant = caller.tenant();
    let mut query = KeyQuery::new(parameters.page_size()?);
    query.after = parameters.cursor(List::Keys, &tenant)?;
    query.status = parameters.take::<NamedStatus>("status")?.map(|NamedStatus(status)| status);
    query.environment = parameters.take("environment")?;
    parameters.finish()?;

    if !caller.reaches(Environment::Live) {
        if query.environment == Some(Environment::Live) {
            return Err(ApiError::forbidden("a test key sees test keys only"));
        }
        query.environment = Some(Environment::Test);
    }
    let page = app.keys.list(&tenant.organization, query).await?;
    Ok(Json(KeysJson {
        keys: page.items.iter().map(|key| KeyView::new(key, app.keys.now())).collect(),
        next_cursor: page.next.map(|place| cursor::encode(List::Keys, &tenant, &place)),
    }))
}

/// `GET /v1/keys/{id}`
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
) -> Result<Json<KeyView>, ApiError> {
    let key = visible(&app, &caller, id).await?;
    Ok(Json(KeyView::new(&key, app.keys.now())))
}

/// `POST /v1/keys` `{"name","environment","scopes":[…],"expires_in_seconds"?,"expires_at"?}`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Idempotency(token): Idempotency,
    fields: JsonObject,
) -> Result<Issued, ApiError> {
    let draft = read(fields)?;
    let grantor = Grantor::key(&app, &caller).await?;
    let granted = grantor.check_new(Power {
        environment: draft.environment,
        scopes: &draft.scopes.into(),
        expires_at: draft.expiry.at(app.keys.now()),
    });
    let organization = app.organization(&caller.principal.organization).await?;
    let limit = organization.plan.key_limit();
    let author = caller.author();
    let request = CreateKey::new(organization.id, draft.name, draft.environment, draft.scopes)
        .with_expiry(draft.expiry)
        .with_latest_expiry(grantor.until());
    let created = match (granted, token) {
        (Ok(()), None) => IssuedOnce::New(app.keys.create(request, limit, author).await?),
        (Ok(()), Some(token)) => app.keys.create_once(token, request, limit, author).await?,
        (Err(excess), None) => return Err(excess.into()),
        // What the caller may grant changes with time, and the answer to a replay does not.
        (Err(excess), Some(token)) => match app.keys.replayed(token, request, author).await? {
            Some(key) => IssuedOnce::Replayed(key),
            None => return Err(excess.into()),
        },
    };
    Ok(Issued { first: StatusCode::CREATED, key: created, now: app.keys.now() })
}

/// Reads one of the organization's keys, if the caller may know of it.
pub(super) async fn visible(app: &App, caller: &Caller, id: KeyId) -> Result<KeyRecord, ApiError> {
    let key = app.keys.get(&caller.principal.organization, id).await?;
    if caller.reaches(key.environment) { Ok(key) } else { Err(StoreError::NotFound.into()) }
}

/// The fields of a request for a key.
struct Draft {
    name: KeyName,
    environment: Environment,
    scopes: ScopeSet<Scope>,
    expiry: Expiry,
}

fn read(mut fields: JsonObject) -> Result<Draft, ApiError> {
    let name = fields.required_parsed::<KeyName>("name")?;
    let environment = fields.required_parsed::<Environment>("environment")?;
    let scopes = fields.required::<Vec<String>>("scopes")?;
    let expiry = key_fields::expiry(&mut fields)?;
    fields.finish()?;

    let scopes = key_fields::scopes(&scopes)?;
    Ok(Draft { name, environment, scopes, expiry: expiry.unwrap_or(Expiry::Never) })
}
