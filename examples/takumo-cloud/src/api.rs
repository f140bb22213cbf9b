//! The HTTP API: which request needs what, and who answers it. The pages are beside it.

mod audit;
mod fleet;
mod idempotency;
mod issued;
mod key_edit;
mod key_fields;
mod key_life;
mod keys;
mod organization;
mod policies;
mod shield;
mod usage;
mod whoami;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, patch, post, put};
use serde_json::json;

use crate::app::App;
use crate::auth::authentication;
use crate::error::{ApiError, Code};
use crate::pages::{self, Front};
use crate::request;
use crate::takumo::Scope;

/// All of it.
pub(crate) fn router(app: App, front: Front) -> Router {
    let authentication = authentication(&app.keys);
    // One layer asks for key and scope together, so that usage counts a missing scope as a refusal.
    let needs = |scope| authentication.clone().with_requirement(scope);
    let keyed = Router::new()
        .route("/v1/whoami", get(whoami::show).route_layer(authentication.clone()))
        .merge(
            Router::new()
                .route("/v1/organization", get(organization::show))
                .route("/v1/keys", get(keys::list))
                .route("/v1/keys/{id}", get(keys::show))
                .route("/v1/usage", get(usage::show))
                .route_layer(needs(Scope::OrgRead)),
        )
        .merge(
            Router::new()
                .route("/v1/organization", patch(organization::edit).delete(organization::delete))
                .route("/v1/keys", post(keys::create))
                .route("/v1/keys/{id}", patch(key_edit::edit))
                .route("/v1/keys/{id}/rotate", post(key_life::rotate))
                .route("/v1/keys/{id}/retire", post(key_life::retire))
                .route("/v1/keys/{id}/disable", post(key_life::disable))
                .route("/v1/keys/{id}/enable", post(key_life::enable))
                .route("/v1/keys/{id}/revoke", post(key_life::revoke))
                .route_layer(needs(Scope::OrgWrite)),
        )
        .merge(
            Router::new()
                .route("/v1/audit/events", get(audit::list))
                .route_layer(needs(Scope::AuditRead)),
        )
        .merge(
            Router::new()
                .route("/v1/shield/scans", get(shield::list))
                .route_layer(needs(Scope::ShieldRead)),
        )
        .merge(
            Router::new()
                .route("/v1/shield/scans", post(shield::create))
                .route_layer(needs(Scope::ShieldWrite)),
        )
        .merge(
            Router::new()
                .route("/v1/fleet/gateways", get(fleet::list))
                .route_layer(needs(Scope::FleetRead)),
        )
        .merge(
            Router::new()
                .route("/v1/fleet/gateways", post(fleet::register))
                .route_layer(needs(Scope::FleetWrite)),
        )
        .merge(
            Router::new()
                .route("/v1/policies", get(policies::list))
                .route("/v1/policies/{name}", get(policies::show))
                .route_layer(needs(Scope::PolicyRead)),
        )
        .merge(
            Router::new()
                .route("/v1/policies/{name}", put(policies::save))
                .route_layer(needs(Scope::PolicyWrite)),
        );

    Router::new()
        .route("/healthz", get(async || axum::Json(json!({ "status": "ok" }))))
        .merge(keyed)
        .merge(pages::router(app.clone(), front))
        .method_not_allowed_fallback(async || {
            ApiError::new(Code::MethodNotAllowed, "this route has other methods: see Allow")
        })
        .layer(from_fn_with_state(app.changes.clone(), request::carry))
        .with_state(app)
}
