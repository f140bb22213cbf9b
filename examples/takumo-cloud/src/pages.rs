//! What a person sees in a browser: Settings > API Keys, and what belongs to it.
//!
//! The pages are HTML from the server, and work without JavaScript but for copying. They call the
//! same [`KeyService`](keyfob::KeyService) as the HTTP API, under the same rules; who asks is a
//! person with a session and a role instead of a key with scopes.
//!
//! What they promise, and where it is kept: nothing runs in them but this program's own files
//! ([`headers`]); nothing changes but by a form of theirs that this session was given
//! ([`submission`], [`same_origin`]); and the plaintext of a key is in one answer and nowhere else
//! ([`shown_once`]).

mod address;
mod assets;
mod audit;
mod audit_events;
mod audit_export;
mod audit_filter;
mod charts;
mod come_back;
mod csv;
mod elements;
mod errors;
mod fleet;
mod front;
mod headers;
mod icons;
mod key_change;
mod key_draft;
mod key_edit;
mod key_find;
mod key_list;
mod key_new;
mod key_page;
mod key_rotate;
mod key_search;
mod layout;
mod members;
mod notice;
mod organization;
mod own_password;
mod same_origin;
mod sessions;
mod shown_once;
mod sign_in;
mod sign_in_link;
mod signed_in;
mod submission;
mod usage;
mod usage_csv;
mod usage_range;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::app::App;
use crate::attempts::Attempts;
use crate::error::ApiError;
use crate::json::BODY_LIMIT;
use crate::passwords::Passwords;

use address::address;

pub(crate) use front::Front;

/// What the pages work on.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Arc<Attempts>,
    pub(crate) front: Arc<Front>,
}

impl FromRef<Site> for App {
    fn from_ref(site: &Site) -> Self {
        site.app.clone()
    }
}

/// All of them, to be merged with routes of any state.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(app: App, front: Front) -> Router<S> {
    let sessions = sessions::layer(&app, &front);
    let front = Arc::new(front);
    let site = Site {
        app: app.clone(),
        passwords: Passwords::new(),
        attempts: Arc::new(Attempts::new()),
        front: Arc::clone(&front),
    };
    Router::new()
        .route("/", get(async || Redirect::to(key_list::PATH)))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-in/link", get(sign_in_link::show).post(sign_in_link::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/switch", post(organization::switch))
        .route("/settings", get(async || Redirect::to(key_list::PATH)))
        .route("/settings/api-keys", get(key_list::show).post(key_new::create))
        .route("/settings/api-keys/new", get(key_new::show))
        .route(
            "/settings/api-keys/find",
            get(async || Redirect::to(key_list::PATH)).post(key_find::find),
        )
        .route("/settings/api-keys/{id}", get(key_page::show))
        .route("/settings/api-keys/{id}/edit", get(key_edit::show).post(key_edit::submit))
        .route("/settings/api-keys/{id}/rotate", get(key_rotate::show).post(key_rotate::submit))
        .route("/settings/api-keys/{id}/retire", post(key_change::retire))
        .route("/settings/api-keys/{id}/disable", post(key_change::disable))
        .route("/settings/api-keys/{id}/enable", post(key_change::enable))
        .route("/settings/api-keys/{id}/revoke", get(key_change::confirm).post(key_change::revoke))
        .route("/settings/organization", get(organization::show).post(organization::edit))
        .route("/settings/members", get(members::show).post(members::add))
        .route("/settings/members/role", post(members::set_role))
        .route("/settings/members/remove", get(members::confirm_removal).post(members::remove))
        .route("/settings/members/link", post(members::link))
        .route("/settings/password", get(own_password::show).post(own_password::submit))
        .route("/usage", get(usage::show))
        .route("/usage.csv", get(usage_csv::download))
        .route("/audit", get(audit::show).post(audit::find))
        .route("/audit.csv", get(audit_export::csv))
        .route("/audit.jsonl", get(audit_export::json_lines))
        .route("/fleet", get(fleet::show))
        .route("/settings/{*rest}", get(async || ApiError::not_found("there is no such page")))
        .method_not_allowed_fallback(errors::method_not_allowed)
        .route_layer(from_fn_with_state(front, same_origin::require))
        .fallback(errors::unknown)
        .layer(from_fn_with_state(app, errors::as_pages))
        .layer(sessions)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(errors::last_resort))
        .with_state(site)
        .merge(assets::router())
        .layer(from_fn(headers::protect))
}
