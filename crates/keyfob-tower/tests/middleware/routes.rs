//! Scopes of routes, and what the extractors say where.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use keyfob::{Environment, Requirement, ScopeSet};
use keyfob_tower::{ApiKeyLayer, AuthenticatedKey, Realm, Rejection, require, require_scope};
use tower::ServiceExt;

use crate::server::Server;
use crate::{Keys, Scope, ToldStore, create, good_key, keys};

async fn ask(app: Router, key: Option<&str>) -> (StatusCode, String) {
    let response = respond(app, key).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn respond(app: Router, key: Option<&str>) -> Response<Body> {
    let mut request = Request::get("/");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn key(keys: &Keys, environment: Environment, scopes: ScopeSet<Scope>) -> String {
    create(keys, environment, scopes).await.api_key.expose_secret().to_owned()
}

async fn owner(key: AuthenticatedKey<Scope>) -> String {
    key.organization.to_string()
}

async fn optional_owner(key: Option<AuthenticatedKey<Scope>>) -> String {
    key.map_or_else(|| "nobody".to_owned(), |key| key.organization.to_string())
}

#[tokio::test]
async fn missing_scope_is_forbidden_and_named() {
    let server = Server::start().await;
    let reader = key(&server.keys, Environment::Live, Scope::Read.into()).await;
    let answer = server.get("/scans", format!("x-api-key: {reader}")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer realm="api", error="insufficient_scope", scope="shield:write""#)
    );
    assert!(answer.body.contains(r#""error":"insufficient_scope","scope":"shield:write""#));
    assert_eq!(server.get("/whoami", format!("x-api-key: {reader}")).await.status, 200);
    assert_eq!(server.handled(), 1);

    let writer = good_key(&server.keys).await;
    let answer = server.get("/scans", format!("x-api-key: {writer}")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "scans"));
}

#[tokio::test]
async fn layer_itself_can_require() {
    let keys = keys(&ToldStore::new());
    let requirement = Requirement::from(Scope::Write).in_environment(Environment::Live);
    let app = Router::new()
        .route("/", get(owner))
        .layer(ApiKeyLayer::new(keys.clone()).with_requirement(requirement));
    let reader = key(&keys, Environment::Live, Scope::Read.into()).await;
    let test = key(&keys, Environment::Test, ScopeSet::all()).await;
    let good = good_key(&keys).await;
    // Twice, once from the store and once from memory.
    for _ in 0..2 {
        assert_eq!(ask(app.clone(), Some(&reader)).await.0, 403);
        assert_eq!(ask(app.clone(), Some(&test)).await.0, 401);
        assert_eq!(ask(app.clone(), Some(&good)).await.0, 200);
    }
}

#[tokio::test]
async fn wrong_environment_on_a_route_looks_like_any_refusal() {
    let keys = keys(&ToldStore::new());
    let live = Requirement::<Scope>::ANY_KEY.in_environment(Environment::Live);
    let app = Router::new()
        .route("/", get(owner))
        .route_layer(require(live))
        .layer(ApiKeyLayer::new(keys.clone()));
    let test = key(&keys, Environment::Test, ScopeSet::all()).await;
    let refused = ask(app.clone(), Some(&test)).await;
    assert_eq!(refused, ask(app, Some("nonsense")).await);
    assert_eq!(refused.0, 401);
}

#[tokio::test]
async fn optional_key_is_none_only_without_a_credential() {
    let keys = keys(&ToldStore::new());
    let app = Router::new()
        .route("/", get(optional_owner))
        .layer(ApiKeyLayer::new(keys.clone()).optional());
    let good = good_key(&keys).await;
    assert_eq!(ask(app.clone(), None).await, (StatusCode::OK, "nobody".to_owned()));
    assert_eq!(ask(app.clone(), Some(&good)).await, (StatusCode::OK, "acme".to_owned()));
    assert_eq!(ask(app.clone(), Some("nonsense")).await.0, 401);
    assert_eq!(ask(app, Some("")).await.0, 401);
}

#[tokio::test]
async fn optional_layer_does_not_open_what_needs_a_key() {
    let keys = keys(&ToldStore::new());
    let layer = ApiKeyLayer::new(keys).optional();
    let extractor = Router::new().route("/", get(owner));
    let route = Router::new()
        .route("/", get(async || "open"))
        .route_layer(require(Requirement::<Scope>::ANY_KEY));
    for app in [extractor, route] {
        let response = respond(app.layer(layer.clone()), None).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], r#"Bearer realm="api""#);
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn without_the_layer_nothing_is_let_through_and_the_answer_says_why() {
    let keys = keys(&ToldStore::new());
    let good = good_key(&keys).await;
    let extractor = Router::new().route("/", get(owner));
    let optional = Router::new().route("/", get(optional_owner));
    let route = Router::new()
        .route("/", get(async || "open"))
        .route_layer(require(Requirement::<Scope>::ANY_KEY));
    for app in [extractor, optional, route] {
        for key in [None, Some(good.as_str())] {
            let (status, body) = ask(app.clone(), key).await;
            assert_eq!(status, 500);
            assert!(body.contains("misconfigured") && body.contains("ApiKeyLayer"), "{body}");
        }
    }
}

#[tokio::test]
async fn layer_of_other_scopes_does_not_count() {
    keyfob::scopes! { enum Other { Write => "shield:write" } }

    let keys = keys(&ToldStore::new());
    let good = good_key(&keys).await;
    for layer in [ApiKeyLayer::new(keys.clone()), ApiKeyLayer::new(keys).optional()] {
        let app = Router::new()
            .route("/", get(async || "open"))
            .route_layer(require_scope(Other::Write))
            .layer(layer);
        assert_eq!(ask(app.clone(), Some(&good)).await.0, 500);
    }
}

#[tokio::test]
async fn route_layers_of_a_layer_answer_as_it_does() {
    let keys = keys(&ToldStore::new());
    let layer = ApiKeyLayer::new(keys.clone()).with_realm(Realm::new("takumo")).with_responder(
        |rejection, _| {
            let mut response = Response::new(Body::from("own"));
            *response.status_mut() = rejection.status();
            response
        },
    );
    let app = Router::new()
        .route("/", get(owner))
        .route_layer(layer.require_scope(Scope::Write))
        .layer(layer);
    let reader = key(&keys, Environment::Live, Scope::Read.into()).await;
    for (key, status) in [(None, 401), (Some("nonsense"), 401), (Some(reader.as_str()), 403)] {
        let response = respond(app.clone(), key).await;
        assert_eq!(response.status(), status);
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with(r#"Bearer realm="takumo""#), "{challenge}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "own");
    }
}

#[tokio::test]
async fn handler_can_require_what_only_it_knows() {
    async fn handler(key: AuthenticatedKey<Scope>) -> Result<&'static str, Rejection> {
        key.require(Scope::Write)?;
        Ok("written")
    }

    let keys = keys(&ToldStore::new());
    let app = Router::new().route("/", get(handler)).layer(ApiKeyLayer::new(keys.clone()));
    let reader = key(&keys, Environment::Live, Scope::Read.into()).await;
    let response = respond(app.clone(), Some(&reader)).await;
    assert_eq!(response.status(), 403);
    assert!(response.headers().contains_key("www-authenticate"));
    assert_eq!(ask(app, Some(&good_key(&keys).await)).await.1, "written");
}
