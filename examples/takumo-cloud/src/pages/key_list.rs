use axum::extract::State;
use axum::response::Html;
use keyfob::{Environment, KeyRecord, KeyStatus, Timestamp};
use maud::{Markup, html};

use super::elements::{
    capital, digits, environment, last_used, name, person, status, time, time_or,
};
use super::icons::{Icon, icon};
use super::key_draft::KeyDraft;
use super::key_new;
use super::key_search::KeySearch;
use super::layout::{self, Place, form_token};
use super::notice::{self, notice};
use super::signed_in::SignedIn;
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::people::Role;
use crate::views::key_limit;

pub(super) const PATH: &str = "/settings/api-keys";

/// `GET /settings/api-keys`, with `q`, `status`, `environment` and `cursor`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    // A cursor of the list belongs to the organization, whatever is filtered.
    let tenant = by.tenant(Environment::Live);
    let search = KeySearch::read(&mut parameters, &tenant)?;
    let done: Option<String> = parameters.take(notice::PARAMETER)?;

    let page = search.run(&app, by.organization_id()).await?;
    let slots = Slots::count(&app, &by).await?;
    let content = html! {
        (notice(done.as_deref()))
        div.page-head {
            div {
                h1 { "API Keys" }
                p.muted { "Keys by which programs use Takumo on behalf of " (name(by.organization.name.as_str())) "." }
            }
            @if by.role.makes_keys() { (create_button(&slots)) }
        }
        (slots.meter())
        (filters(&by, &search))
        @if page.items.is_empty() {
            (nothing(&by, &search, page.next.is_some()))
        } @else {
            (table(&page.items, by.now))
        }
        @if page.next.is_some() || !search.is_first_page() {
            nav.pager aria-label="Pages of keys" {
                @if !search.is_first_page() { a.button href=(search.address(&tenant, None)) { "First page" } }
                @if let Some(place) = &page.next {
                    a.button href=(search.address(&tenant, Some(place))) { "Older keys" }
                }
            }
        }
        @if by.role.makes_keys() && !slots.full() {
            (key_new::dialog(&by, &KeyDraft::new()?))
        }
    };
    Ok(layout::page(&by, Place::ApiKeys, "API Keys", &content))
}

/// How many keys the organization holds, of those that its plan allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    used: u64,
    /// `None` when there is no limit.
    limit: Option<u64>,
}

impl Slots {
    pub(super) async fn count(app: &App, by: &SignedIn) -> Result<Self, ApiError> {
        let used = app.keys.keys_in_use(by.organization_id()).await?;
        Ok(Self { used, limit: key_limit(by.organization.plan) })
    }

    pub(super) fn full(self) -> bool {
        self.limit.is_some_and(|limit| self.used >= limit)
    }

    fn meter(self) -> Markup {
        html! {
            div.slots {
                @match self.limit {
                    Some(limit) => {
                        p #slots { strong { (digits(self.used)) " of " (digits(limit)) } " keys in use" }
                        // The words beside it say the same.
                        svg.meter.full[self.full()] viewBox={ "0 0 " (limit) " 1" }
                            preserveAspectRatio="none" aria-hidden="true" {
                            rect width=(self.used.min(limit)) height="1" {}
                        }
                        @if self.full() {
                            p.small.warn-text {
                                "The plan's limit is reached. Revoke a key, or choose a larger plan."
                            }
                        }
                    }
                    None => {
                        p #slots { strong { (digits(self.used)) } " keys in use, of any number" }
                    }
                }
            }
        }
    }
}

fn create_button(slots: &Slots) -> Markup {
    html! {
        @if slots.full() {
            a.button.primary href={ (PATH) "/new" } { (icon(Icon::Plus)) "Create key" }
        } @else {
            // With JavaScript it opens the dialog on this page.
            a.button.primary href={ (PATH) "/new" } data-dialog="create-key" {
                (icon(Icon::Plus)) "Create key"
            }
        }
    }
}

/// The form is posted: what a person pastes into it may be a key, which must not get into an
/// address.
fn filters(by: &SignedIn, search: &KeySearch) -> Markup {
    html! {
        form.filters role="search" method="post" action={ (PATH) "/find" } {
            (form_token(by))
            div.field.grow {
                label for="q" { "Search" }
                input #q name="q" type="search" value=(search.text)
                    placeholder="Name, first digits, or a whole key" maxlength="500" autocomplete="off"
                    spellcheck="false";
            }
            div.field {
                label for="status" { "Status" }
                select #status name="status" {
                    option value="" { "Any" }
                    @for own in KeyStatus::ALL {
                        option value=(own.as_str()) selected[search.status == Some(own)] {
                            (capital(own.as_str()))
                        }
                    }
                }
            }
            div.field {
                label for="environment" { "Environment" }
                select #environment name="environment" {
                    option value="" { "Any" }
                    @for own in Environment::ALL {
                        option value=(own.as_str()) selected[search.environment == Some(own)] {
                            (capital(own.as_str()))
                        }
                    }
                }
            }
            button { (icon(Icon::Search)) "Filter" }
        }
    }
}

fn table(keys: &[KeyRecord], now: Timestamp) -> Markup {
    html! {
        table.stacked {
            caption.hidden { "API keys, newest first" }
            thead {
                tr {
                    th scope="col" { "Name" }
                    th scope="col" { "Scopes" }
                    th scope="col" { "Created" }
                    th scope="col" { "Last used" }
                    th scope="col" { "Expires" }
                    th scope="col" { "Status" }
                }
            }
            tbody {
                @for key in keys { (row(key, now)) }
            }
        }
    }
}

fn row(key: &KeyRecord, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" {
                a.key-name href={ (PATH) "/" (key.id) } { (name(key.name.as_str())) }
                div.key-hint {
                    @if let Some(newest) = key.secrets.first() { code { (newest.hint) } }
                    (environment(key.environment))
                }
            }
            td data-label="Scopes" { (scopes(key)) }
            td data-label="Created" {
                (time(key.created_at, now))
                div.muted.small.creator title=(key.created_by) { "by " (person(&key.created_by)) }
            }
            td data-label="Last used" { (time_or(last_used(key), now, "never")) }
            td data-label="Expires" { (time_or(key.expires_at, now, "never")) }
            td data-label="Status" { (status(key, now)) }
        }
    }
}

/// The first of its scopes, and how many more there are: a row is no place for nine of them.
fn scopes(key: &KeyRecord) -> Markup {
    const SHOWN: usize = 2;
    let all: Vec<&str> = key.scopes.iter().collect();
    html! {
        span.scopes title=(all.join(" ")) {
            @for scope in all.iter().take(SHOWN) { code.scope { (scope) } }
            @if all.len() > SHOWN { span.muted.small { "+" (all.len() - SHOWN) } }
        }
    }
}

fn nothing(by: &SignedIn, search: &KeySearch, more: bool) -> Markup {
    html! {
        div.empty {
            (icon(Icon::Key))
            @if more {
                h2 { "None so far" }
                p.muted { "There are more keys to look through: go on to the older ones." }
            } @else if search.narrows() {
                h2 { "No key fits" }
                p.muted { "There are keys, but none with all that you ask for." }
                a.button href=(PATH) { "Show all keys" }
            } @else if by.role == Role::Viewer {
                h2 { "There are no keys yet" }
                p.muted { "Members of the organization create them." }
            } @else {
                h2 { "There are no keys yet" }
                p.muted { "Create one for each program that uses Takumo, so that each can be revoked alone." }
            }
        }
    }
}
