use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use keyfob::{
    CreateKey, CreatedOnce, Environment, Expiry, IdempotencyToken, KeyId, KeyName, KeyQuery,
    KeyRecord, KeyStatus, Reason, ScopeSet, StoreError,
};
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::cursor::{self, List};
use crate::error::ApiError;
use crate::json::{self, JsonObject};
use crate::parameters::{KeyPath, Parameters};
use crate::scanner;
use crate::takumo::{MAX_LIFE, Scope};
use crate::views::KeyView;

#[derive(Serialize)]
pub(super) struct KeysJson {
    keys: Vec<KeyView>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct CreatedJson<'k> {
    key: KeyView,
    /// Null when the request was a repeated one: the plaintext was shown the first time.
    api_key: Option<&'k str>,
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
    query.status = parameters.take::<Status>("status")?.map(|Status(status)| status);
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

/// `POST /v1/keys` `{"name","environment","scopes":[…],"expires_in_seconds"?}`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    fields: JsonObject,
) -> Result<Response, ApiError> {
    let token = idempotency_token(&headers)?;
    let request = read(&caller, fields)?;
    let organization = app.organization(&caller.principal.organization).await?;
    let (limit, author) = (organization.plan.key_limit(), caller.author());
    let created = match token {
        Some(token) => app.keys.create_once(token, request, limit, author).await?,
        None => CreatedOnce::New(app.keys.create(request, limit, author).await?),
    };
    let view = |key| KeyView::new(key, app.keys.now());
    Ok(match &created {
        CreatedOnce::New(new) => {
            let api_key = Some(new.api_key.expose_secret());
            let body = CreatedJson { key: view(&new.key), api_key };
            (StatusCode::CREATED, Json(body)).into_response()
        }
        CreatedOnce::Replayed(key) => {
            Json(CreatedJson { key: view(key), api_key: None }).into_response()
        }
    })
}

/// `POST /v1/keys/{id}/revoke` `{"reason"?}`
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    KeyPath(id): KeyPath,
    fields: Option<JsonObject>,
) -> Result<Json<KeyView>, ApiError> {
    let mut fields = fields.unwrap_or_default();
    let reason = fields.parsed::<Reason>("reason")?;
    fields.finish()?;
    let key = visible(&app, &caller, id).await?;
    let key = app.keys.revoke(&key.organization, key.id, reason, caller.author()).await?;
    Ok(Json(KeyView::new(&key, app.keys.now())))
}

/// Reads one of the organization's keys, if the caller may know of it.
async fn visible(app: &App, caller: &Caller, id: KeyId) -> Result<KeyRecord, ApiError> {
    let key = app.keys.get(&caller.principal.organization, id).await?;
    if caller.reaches(key.environment) { Ok(key) } else { Err(StoreError::NotFound.into()) }
}

fn read(caller: &Caller, mut fields: JsonObject) -> Result<CreateKey<Scope>, ApiError> {
    let name = fields.required_parsed::<KeyName>("name")?;
    let environment = fields.required_parsed::<Environment>("environment")?;
    let scopes = fields.required::<Vec<String>>("scopes")?;
    let expiry = match fields.optional::<u64>("expires_in_seconds")? {
        None => Expiry::Never,
        Some(seconds) if (1..=MAX_LIFE).contains(&seconds) => {
            Expiry::After(Duration::from_secs(seconds))
        }
        Some(_) => {
            return Err(ApiError::bad_request(format!(
                "expires_in_seconds: must be from 1 to {MAX_LIFE}, which is 100 years"
            )));
        }
    };
    fields.finish()?;

    let scopes = ScopeSet::<Scope>::from_patterns(scopes.iter().map(String::as_str))
        .map_err(|error| ApiError::bad_request(format!("scopes: {error}")))?;
    let beyond = scopes - caller.principal.scopes;
    if !beyond.is_empty() {
        return Err(ApiError::forbidden(format!("your key can't grant what it lacks: {beyond}")));
    }
    if !caller.reaches(environment) {
        return Err(ApiError::forbidden("a test key can make test keys only"));
    }
    let organization = caller.principal.organization.clone();
    Ok(CreateKey::new(organization, name, environment, scopes).with_expiry(expiry))
}

fn idempotency_token(headers: &HeaderMap) -> Result<Option<IdempotencyToken>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or("\0");
    if values.next().is_some() {
        return Err(ApiError::bad_request("the Idempotency-Key header stands there twice"));
    }
    if scanner::mentions_key(text) {
        return Err(json::holds_key("the Idempotency-Key header"));
    }
    IdempotencyToken::new(text)
        .map(Some)
        .map_err(|error| ApiError::bad_request(format!("Idempotency-Key: {error}")))
}

struct Status(KeyStatus);

impl std::str::FromStr for Status {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = KeyStatus::ALL.into_iter().find(|status| status.as_str() == text);
        named.map(Self).ok_or("must be `active`, `disabled`, `revoked` or `expired`")
    }
}
