use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use keyfob::{Environment, Event, KeyId, KeyName, PageSize, StoreError, Timestamp};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::audit_filter::Filter;
use super::elements::{name, time};
use super::icons::{Icon, icon};
use super::key_find::{Wanted, own_key};
use super::key_list;
use super::layout::{self, Place, form_token};
use super::notice::{Wrong, described, invalid, summary};
use super::signed_in::SignedIn;
use super::submission::Search;
use crate::app::App;
use crate::cursor::{self, List};
use crate::db::Member;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::scanner;
use crate::time::{Moment, short};
use crate::views::EventView;

pub(super) const PATH: &str = "/audit";
const SHOWN: u16 = 50;
/// The number of people that the form suggests.
const SUGGESTED: usize = 200;

/// The actions that the list offers: keyfob's, and takumo's own.
const ACTIONS: [&str; 16] = [
    "key.created",
    "key.imported",
    "key.rotated",
    "key.retired",
    "key.edited",
    "key.disabled",
    "key.enabled",
    "key.revoked",
    "organization.created",
    "organization.edited",
    "member.added",
    "member.edited",
    "member.removed",
    "member.link_made",
    "gateway.registered",
    "policy.edited",
];

/// `GET /audit`, with `action`, `actor`, `key`, `from`, `to` and `cursor`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let tenant = by.tenant(Environment::Live);
    let after = parameters.cursor(List::Events, &tenant)?;
    let filter = Filter::read(&mut parameters)?;
    let people = app.db.members(by.organization_id()).await?;
    let chosen = match filter.choose(&app, &by).await? {
        Ok(chosen) => chosen,
        Err(wrong) => {
            let page = page(&by, &filter, &people, Some(&wrong), &html! {});
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
    };
    let size = PageSize::new(SHOWN).unwrap_or_default();
    let events = chosen.page(&app, by.organization_id(), size, after).await?;
    let names = names(&app, &by, &events.items).await?;
    let next = events
        .next
        .map(|place| filter.address(PATH, Some(cursor::encode(List::Events, &tenant, &place))));
    let content = html! {
        @if events.items.is_empty() {
            (nothing(&filter, next.is_some()))
        } @else {
            (table(&events.items, by.now, Some(&names)))
        }
        @if next.is_some() || after.is_some() {
            nav.pager aria-label="Pages of events" {
                @if after.is_some() { a.button href=(filter.address(PATH, None)) { "Newest events" } }
                @if let Some(next) = next { a.button href=(next) { "Older events" } }
            }
        }
    };
    Ok(page(&by, &filter, &people, None, &content).into_response())
}

/// `POST /audit`: the filter
///
/// The form is posted, since a person may paste a key into it. Its address has the key's id instead.
pub(super) async fn find(
    State(app): State<App>,
    Search { by, mut fields }: Search,
) -> Result<Response, ApiError> {
    let mut filter = Filter::of_form(&mut fields)?;
    fields.finish()?;
    let mut wrong = None;
    match Wanted::of(&filter.key) {
        Wanted::Text(text) => filter.key = text,
        Wanted::Keys(hashes) => {
            let found = own_key(&app, &by, &hashes).await?;
            filter.key = found.as_ref().map(|(key, _)| key.id.to_string()).unwrap_or_default();
            if found.is_none() {
                let text = "The key that you searched for belongs to no key here.";
                wrong = Some(Wrong::new("key", text));
            }
        }
    }
    if scanner::mentions_key(&filter.actor) {
        filter.actor = String::new();
        wrong = Some(Wrong::new("actor", "A person is found by their login, not by a key."));
    }
    if let Some(wrong) = wrong {
        let people = app.db.members(by.organization_id()).await?;
        let page = page(&by, &filter, &people, Some(&wrong), &html! {});
        return Ok((StatusCode::BAD_REQUEST, page).into_response());
    }
    Ok(Redirect::to(&filter.address(PATH, None)).into_response())
}

fn page(
    by: &SignedIn,
    filter: &Filter,
    people: &[Member],
    wrong: Option<&Wrong>,
    content: &Markup,
) -> Html<String> {
    let content = html! {
        div.page-head {
            div {
                h1 { "Audit log" }
                p.muted {
                    "All changes to " (name(by.organization.name.as_str()))
                    " and its keys. Events are never removed. Times are UTC."
                }
            }
            @if wrong.is_none() {
                p.actions {
                    a.button href=(filter.address("/audit.csv", None)) { (icon(Icon::Download)) "CSV" }
                    a.button href=(filter.address("/audit.jsonl", None)) {
                        (icon(Icon::Download)) "JSON Lines"
                    }
                }
            }
        }
        (summary(wrong))
        (filters(by, filter, people, wrong))
        (content)
    };
    layout::page(by, Place::Audit, "Audit log", &content)
}

fn nothing(filter: &Filter, more: bool) -> Markup {
    html! {
        div.empty {
            (icon(Icon::List))
            @if more {
                h2 { "No event so far" }
                p.muted { "There are older events to look through." }
            } @else {
                h2 { "No event fits" }
                @if filter.narrows() { a.button href=(PATH) { "Show all events" } }
            }
        }
    }
}

fn filters(by: &SignedIn, filter: &Filter, people: &[Member], wrong: Option<&Wrong>) -> Markup {
    html! {
        form.filters role="search" method="post" action=(PATH) data-address=[wrong.map(|_| PATH)] {
            (form_token(by))
            div.field {
                label for="action" { "Action" }
                select #action name="action" aria-invalid=[invalid(wrong, "action")]
                    aria-describedby=[described(wrong, "action", None)] {
                    option value="" { "Any" }
                    @for own in ACTIONS {
                        option value=(own) selected[own == filter.action] { (own) }
                    }
                    @if !filter.action.is_empty() && !ACTIONS.contains(&filter.action.as_str()) {
                        option value=(filter.action) selected { (filter.action) }
                    }
                }
            }
            div.field {
                label for="actor" { "By" }
                input #actor name="actor" value=(filter.actor) placeholder="Login" maxlength="255"
                    list="people" autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-invalid=[invalid(wrong, "actor")] aria-describedby=[described(wrong, "actor", None)];
                datalist #people {
                    @for member in people.iter().take(SUGGESTED) { option value=(member.login) {} }
                }
            }
            div.field.grow {
                label for="key" { "Key" }
                input #key name="key" value=(filter.key) placeholder="Name, first digits, or id" maxlength="500"
                    autocomplete="off" spellcheck="false" aria-invalid=[invalid(wrong, "key")]
                    aria-describedby=[described(wrong, "key", None)];
            }
            div.days {
                (day_field("from", "First day", &filter.from, wrong))
                (day_field("to", "Last day", &filter.to, wrong))
            }
            button { (icon(Icon::Search)) "Filter" }
        }
    }
}

fn day_field(field: &'static str, label: &str, value: &str, wrong: Option<&Wrong>) -> Markup {
    html! {
        div.field {
            label for=(field) { (label) }
            input id=(field) name=(field) type="date" value=(value)
                aria-invalid=[invalid(wrong, field)] aria-describedby=[described(wrong, field, None)];
        }
    }
}

/// The current names of the keys of these events.
pub(super) async fn names(app: &App, by: &SignedIn, events: &[Event]) -> Result<Names, ApiError> {
    let mut names = Names::new();
    for id in events.iter().filter_map(|event| event.key) {
        if names.contains_key(&id) {
            continue;
        }
        match app.keys.get(by.organization_id(), id).await {
            Ok(key) => drop(names.insert(id, key.name)),
            // Of an organization that was deleted, whose id this one has.
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(names)
}

pub(super) type Names = BTreeMap<KeyId, KeyName>;

/// Events as a table; each names its key where they are of several.
pub(super) fn table(events: &[Event], now: Timestamp, names: Option<&Names>) -> Markup {
    html! {
        table.stacked.events {
            caption.hidden { "Events, newest first" }
            thead {
                tr {
                    th scope="col" { "When" }
                    th scope="col" { "What" }
                    th scope="col" { "By whom" }
                    th.rest scope="col" { "Details" }
                }
            }
            tbody {
                @for event in events {
                    tr {
                        td data-label="When" { (time(event.at, now)) }
                        th scope="row" data-label="What" {
                            div {
                                code.action { (event.action) }
                                @if let (Some(id), Some(names)) = (event.key, names) {
                                    div.key { (key_link(id, names)) }
                                }
                            }
                        }
                        td.by data-label="By whom" { (name(event.actor.as_str())) }
                        td.rest data-label="Details" { (details(event)) }
                    }
                }
            }
        }
    }
}

fn key_link(id: KeyId, names: &Names) -> Markup {
    html! {
        @match names.get(&id) {
            Some(own) => a href={ (key_list::PATH) "/" (id) } title=(id) { (name(own.as_str())) },
            None => code { (id) },
        }
    }
}

fn details(event: &Event) -> Markup {
    let view = EventView::from(event.clone());
    html! {
        @if view.details.values().all(Value::is_null) {
            span.muted { "–" }
        } @else {
            dl.details { (pairs(&view.details)) }
        }
    }
}

fn pairs(details: &Map<String, Value>) -> Markup {
    html! {
        @for (field, value) in details.iter().filter(|(_, value)| !value.is_null()) {
            div { dt { (field.replace('_', " ")) } dd { bdi { (said(value)) } } }
        }
    }
}

/// A value as a person reads it: a change as `from → to`, a list by its items, a time to the second.
fn said(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => match text.parse() {
            Ok(Moment(at)) => short(at),
            Err(_) => text.clone(),
        },
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => match (fields.get("from"), fields.get("to")) {
            (Some(from), Some(to)) if fields.len() == 2 => {
                format!("{} → {}", said(from), said(to))
            }
            _ => fields
                .iter()
                .map(|(field, value)| format!("{field}: {}", said(value)))
                .collect::<Vec<_>>()
                .join(", "),
        },
    }
}
