//! The answers themselves, from a plain tower service.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use keyfob::{Environment, Requirement, ScopeSet, StoreError};
use keyfob_tower::{ApiKeyLayer, Rejection};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Scope, ToldStore, create, good_key, keys};

type Body = Full<Bytes>;

async fn hello(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new("hello".into()))
}

fn request(headers: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = Request::new(Body::default());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_answer_is_whole() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let reader = create(&keys, Environment::Live, Scope::Read.into()).await;
    let reader = reader.api_key.expose_secret();
    let unseen = good_key(&keys).await;
    let layer = ApiKeyLayer::new(keys).with_requirement(Scope::Write);
    let service = layer.layer(service_fn(hello));

    let cases = [
        (
            vec![],
            Some(r#"Bearer realm="api""#),
            r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"An API key is needed: send `Authorization: Bearer <key>` or `X-API-Key: <key>`."}"#,
        ),
        (
            vec![("authorization", "Basic dXNlcjpwYXNz")],
            Some(r#"Bearer realm="api""#),
            r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"The Authorization header must be of the Bearer scheme: `Authorization: Bearer <key>`."}"#,
        ),
        (
            vec![("x-api-key", "a"), ("authorization", "Bearer b")],
            Some(r#"Bearer realm="api", error="invalid_request""#),
            r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"The request has more than one credential: send one Authorization or X-API-Key header.","error":"invalid_request"}"#,
        ),
        (
            vec![("x-api-key", "nonsense")],
            Some(r#"Bearer realm="api", error="invalid_token""#),
            r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"The API key is not accepted.","error":"invalid_token"}"#,
        ),
        (
            vec![("x-api-key", reader)],
            Some(r#"Bearer realm="api", error="insufficient_scope", scope="shield:write""#),
            r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"The API key lacks a scope that this request needs.","error":"insufficient_scope","scope":"shield:write"}"#,
        ),
        (
            vec![("x-api-key", &*unseen)],
            None,
            r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"API keys can't be checked right now: try again soon.","error":"temporarily_unavailable"}"#,
        ),
    ];
    for (place, (headers, challenge, body)) in cases.into_iter().enumerate() {
        if place == 5 {
            store.break_down();
        }
        let response = service.clone().oneshot(request(&headers)).await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("www-authenticate"), challenge);
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("retry-after").is_some(), response.status() == 503);
        let status = response.status();
        let answer = text(response).await;
        assert_eq!(answer, body);
        assert!(answer.contains(&format!("\"status\":{}", status.as_u16())));
    }
}

#[tokio::test]
async fn own_response_cannot_lose_or_change_the_headers_that_matter() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let good = good_key(&keys).await;
    let layer = ApiKeyLayer::new(keys).with_responder(|rejection: &Rejection, request| {
        assert!(request.headers.values().all(HeaderValue::is_sensitive));
        Response::builder()
            .status(if rejection.code().is_some() { 418 } else { 401 })
            .header("www-authenticate", "None")
            .header("www-authenticate", "at all")
            .header("cache-control", "public, max-age=3600")
            .header("retry-after", "3600")
            .header("x-own", "kept")
            .body(Body::from(request.uri.path().to_owned()))
            .unwrap()
    });
    let service = layer.layer(service_fn(hello));

    let refused = service.clone().oneshot(request(&[("x-api-key", "nonsense")])).await.unwrap();
    assert_eq!(refused.status(), 418, "the status is the embedder's: gRPC needs 200");
    let challenges: Vec<_> = refused.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, [r#"Bearer realm="api", error="invalid_token""#]);
    assert_eq!(refused.headers()["cache-control"], "no-store");
    assert_eq!(refused.headers()["x-own"], "kept");
    assert_eq!(text(refused).await, "/");

    store.break_down();
    let outage = service.oneshot(request(&[("x-api-key", &good)])).await.unwrap();
    assert_eq!(outage.headers()["retry-after"], "1");
}

#[tokio::test]
async fn rejection_tells_the_log_what_it_does_not_tell_the_client() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let good = good_key(&keys).await;
    let reason = |rejection: &Rejection, _: &http::request::Parts| {
        let source = std::error::Error::source(rejection).map(ToString::to_string);
        let cause = match rejection {
            Rejection::Unavailable(outage) => std::error::Error::source(outage)
                .and_then(|error| error.downcast_ref::<std::sync::Arc<StoreError>>())
                .map(ToString::to_string),
            _ => None,
        };
        Response::new(Body::from(format!("{source:?} {cause:?}")))
    };
    let service = ApiKeyLayer::new(keys).with_responder(reason).layer(service_fn(hello));
    let stranger = format!("tk_live_{}", "7".repeat(64));
    let unknown = service.clone().oneshot(request(&[("x-api-key", &stranger)])).await.unwrap();
    assert_eq!(text(unknown).await, r#"Some("the key is unknown") None"#);
    store.break_down();
    let outage = service.oneshot(request(&[("x-api-key", &good)])).await.unwrap();
    assert!(text(outage).await.starts_with(r#"Some("the key could not be looked up")"#));
}

#[tokio::test]
async fn space_around_a_key_is_not_taken_away() {
    let store = ToldStore::new();
    let keys = keys(&store);
    let key = good_key(&keys).await;
    let service = ApiKeyLayer::new(keys).layer(service_fn(hello));
    for (name, value) in [
        ("x-api-key", format!("{key} ")),
        ("x-api-key", format!(" {key}")),
        ("x-api-key", format!("{key}\t")),
        ("authorization", format!("Bearer {key} ")),
        ("authorization", format!("Bearer \t{key}")),
    ] {
        let response = service.clone().oneshot(request(&[(name, &value)])).await.unwrap();
        assert_eq!(response.status(), 401, "{name}: {value:?}");
    }
    assert_eq!(store.finds(), 0);
    let response = service.oneshot(request(&[("x-api-key", &key)])).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn route_layer_works_without_axum() {
    let keys = keys(&ToldStore::new());
    let key = create(&keys, Environment::Live, ScopeSet::all()).await;
    let requirement = Requirement::scopes(Scope::Read | Scope::Write);
    let service = tower::ServiceBuilder::new()
        .layer(ApiKeyLayer::new(keys))
        .layer(keyfob_tower::require(requirement))
        .service_fn(hello);
    let headers = [("x-api-key", key.api_key.expose_secret())];
    let response = service.clone().oneshot(request(&headers)).await.unwrap();
    assert_eq!(text(response).await, "hello");
    assert_eq!(service.oneshot(request(&[])).await.unwrap().status(), 401);
}
