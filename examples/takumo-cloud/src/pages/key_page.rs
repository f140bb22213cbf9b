use std::time::Duration;

use axum::extract::State;
use axum::response::Html;
use keyfob::{
    Event, EventQuery, KeyRecord, KeyState, KeyStatus, PageSize, SecretRecord, Timestamp,
};
use maud::{Markup, html};

use super::audit;
use super::charts::{chart, days_of_key};
use super::elements::{
    environment, expiry, last_used, name, person, rotates, status, time, time_or, waits_for_use,
};
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::layout::{self, Place, form_token};
use super::notice::{self, notice};
use super::signed_in::SignedIn;
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::{KeyPath, Parameters};

/// How many events the page shows; the audit log has the rest.
const EVENTS: u16 = 10;
const DAYS: u32 = 30;

/// `GET /settings/api-keys/{id}`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    KeyPath(id): KeyPath,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    let done: Option<String> = parameters.take(notice::PARAMETER)?;
    let key = by.key(&app, id).await?;
    let mut query = EventQuery::new(PageSize::new(EVENTS).unwrap_or_default());
    query.key = Some(id);
    let events = app.keys.events(by.organization_id(), query).await?;
    let usage = days_of_key(&app, &key, DAYS, by.now).await?;

    let changes = by.manages(&key) && key.status(by.now) != KeyStatus::Revoked;
    let content = html! {
        (notice(done.as_deref()))
        div.page-head {
            div {
                p.crumbs { a href=(PATH) { "API Keys" } }
                h1 { (name(key.name.as_str())) }
                p.badges { (status(&key, by.now)) (environment(key.environment)) }
            }
            @if changes {
                p.actions {
                    a.button href={ (PATH) "/" (key.id) "/edit" } { "Edit" }
                    @if !rotates(&key, by.now) {
                        a.button.primary href={ (PATH) "/" (key.id) "/rotate" } { "Rotate" }
                    }
                }
            }
        }
        (revocation(&key, by.now))
        (properties(&key, by.now))
        (secrets(&by, &key, changes))
        section.card aria-labelledby="usage" {
            h2 #usage { "Usage" }
            (chart(&format!("Requests a day, the last {DAYS} days"), &usage, super::charts::day))
        }
        (history(&key, &events.items, events.next.is_some(), by.now))
        @if changes { (danger(&by, &key)) }
    };
    Ok(layout::page(&by, Place::ApiKeys, key.name.as_str(), &content))
}

/// The head of a page on which one thing is done to a key.
pub(super) fn head(key: &KeyRecord, title: &str) -> Markup {
    html! {
        div.page-head {
            div {
                p.crumbs {
                    a href=(PATH) { "API Keys" } " / "
                    a href={ (PATH) "/" (key.id) } { (name(key.name.as_str())) }
                }
                h1 { (title) }
            }
        }
    }
}

fn revocation(key: &KeyRecord, now: Timestamp) -> Markup {
    html! {
        @if let KeyState::Revoked(revocation) = &key.state {
            div.notice.bad {
                (icon(Icon::Warning))
                div {
                    p { "Revoked " (time(revocation.at, now)) " by " (person(&revocation.by)) ", for good." }
                    @if let Some(reason) = &revocation.reason {
                        p { "Reason: " (name(reason.as_str())) }
                    }
                }
            }
        }
    }
}

fn properties(key: &KeyRecord, now: Timestamp) -> Markup {
    html! {
        section.card aria-labelledby="properties" {
            h2 #properties { "Properties" }
            dl.properties {
                div {
                    dt { "Created" }
                    dd { (time(key.created_at, now)) span.muted { " by " (person(&key.created_by)) } }
                }
                div { dt { "Expires" } dd { (expiry(key, now)) } }
                div { dt { "Last used" } dd { (time_or(last_used(key), now, "never")) } }
                div.wide { dt { "Id" } dd { code { (key.id) } } }
                div.wide {
                    dt { "Scopes" }
                    dd.scopes { @for scope in key.scopes.iter() { code.scope { (scope) } } }
                }
            }
        }
    }
}

fn secrets(by: &SignedIn, key: &KeyRecord, changes: bool) -> Markup {
    html! {
        section.card aria-labelledby="secrets" {
            h2 #secrets { "Secrets" }
            ul.secrets {
                @for (place, secret) in key.secrets.iter().enumerate() {
                    li { (secret_line(key, secret, place == 0, by.now)) }
                }
            }
            @if changes && rotates(key, by.now) {
                @if waits_for_use(key, by.now) {
                    div.notice.warn {
                        (icon(Icon::Warning))
                        p {
                            "The new secret has not been used yet. If you end the old one now, programs that still use it stop working. "
                            (NOT_COPIED)
                        }
                    }
                }
                form.actions method="post" action={ (PATH) "/" (key.id) "/retire" } {
                    (form_token(by))
                    button { "Retire the old secret now" }
                    span.muted.small { "Do it when nothing uses the old one any more." }
                }
            }
        }
    }
}

/// Whether an old one may go: whoever rotates wants to know if it is in use still.
fn secret_line(key: &KeyRecord, secret: &SecretRecord, newest: bool, now: Timestamp) -> Markup {
    let which = if newest { "The secret" } else { "The old secret" };
    html! {
        div.secret-name {
            code { (secret.hint) }
            @match key.old_secret_ends(secret) {
                Some(end) if end <= now => span.badge.quiet { "Retired" },
                _ if key.status(now) != KeyStatus::Active => span.badge.quiet { "Refused" },
                Some(end) => span.badge.notice { "Retires " (time(end, now)) },
                None => span.badge.good { "Works" },
            }
        }
        p.muted.small {
            "Made " (time(secret.created_at, now)) ". "
            (which) " was "
            @match secret.last_used_at {
                Some(at) => { "last used " (time(at, now)) "." },
                None => "never used.",
            }
        }
    }
}

fn history(key: &KeyRecord, events: &[Event], more: bool, now: Timestamp) -> Markup {
    html! {
        section.card aria-labelledby="events" {
            h2 #events { "Events" }
            (audit::table(events, now, None))
            @if more {
                p { a href={ "/audit?key=" (key.id) } { "All events of this key" } }
            }
        }
    }
}

fn danger(by: &SignedIn, key: &KeyRecord) -> Markup {
    let disabled = key.state == KeyState::Disabled;
    html! {
        section.card.danger aria-labelledby="danger" {
            h2 #danger { "Switch off or revoke" }
            div.danger-row {
                div {
                    @if disabled {
                        p { strong { "Enable the key" } }
                        p.muted.small { "It works again as it did before." }
                    } @else {
                        p { strong { "Disable the key" } }
                        p.muted.small { "It is refused until you enable it, and holds its place in the plan." }
                    }
                }
                form method="post" action={ (PATH) "/" (key.id) (if disabled { "/enable" } else { "/disable" }) } {
                    (form_token(by))
                    button { (if disabled { "Enable" } else { "Disable" }) }
                }
            }
            div.danger-row {
                div {
                    p { strong { "Revoke the key" } }
                    p.muted.small { "It is refused for good. There is no way back." }
                }
                a.button.bad href={ (PATH) "/" (key.id) "/revoke" } { "Revoke…" }
            }
        }
    }
}

/// The advice for a person who has not copied the new secret of a rotation.
pub(super) const NOT_COPIED: &str = "If you have not copied the new secret, create another key, \
    use it instead, and then revoke this one.";

/// How long a change may wait until every server has applied it.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
