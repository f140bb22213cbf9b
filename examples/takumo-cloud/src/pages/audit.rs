use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Html;
use keyfob::{
    Actor, Environment, Event, EventQuery, KeyId, KeyName, PageSize, StoreError, Timestamp,
};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::address;
use super::elements::{name, time};
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::layout::{self, Place};
use super::signed_in::SignedIn;
use crate::app::App;
use crate::cursor::{self, List};
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::time::{Moment, short};
use crate::views::{EventView, NamedAction};

const SHOWN: u16 = 50;

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

/// What was asked for, as it was typed.
struct Filter {
    action: String,
    actor: String,
    key: String,
}

/// `GET /audit`, with `action`, `actor`, `key` and `cursor`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    let tenant = by.tenant(Environment::Live);
    let mut query = EventQuery::new(PageSize::new(SHOWN).unwrap_or_default());
    query.after = parameters.cursor(List::Events, &tenant)?;
    let mut text = |name| parameters.take::<String>(name).map(Option::unwrap_or_default);
    let filter = Filter { action: text("action")?, actor: text("actor")?, key: text("key")? };
    query.action = read::<NamedAction>("action", &filter.action)?.map(|NamedAction(own)| own);
    query.actor = read::<Actor>("actor", &filter.actor)?;
    query.key = read::<KeyId>("key", &filter.key)?;

    let first = query.after.is_none();
    let page = app.keys.events(by.organization_id(), query).await?;
    let names = names(&app, &by, &page.items).await?;
    let next = page.next.map(|place| {
        let mut pairs = vec![("cursor", cursor::encode(List::Events, &tenant, &place))];
        let fields = [("action", &filter.action), ("actor", &filter.actor), ("key", &filter.key)];
        pairs.extend(fields.map(|(name, text)| (name, text.clone())));
        pairs.retain(|(_, text)| !text.is_empty());
        address("/audit", &pairs)
    });
    let content = html! {
        div.page-head {
            div {
                h1 { "Audit log" }
                p.muted { "What was done to " (name(by.organization.name.as_str())) " and its keys, and by whom. Nothing is ever taken out of it." }
            }
        }
        (filters(&filter))
        @if page.items.is_empty() {
            div.empty { (icon(Icon::List)) h2 { "No event fits" } a.button href="/audit" { "Show all events" } }
        } @else {
            (table(&page.items, by.now, Some(&names)))
        }
        @if next.is_some() || !first {
            nav.pager aria-label="Pages of events" {
                @if !first { a.button href="/audit" { "Newest events" } }
                @if let Some(next) = next { a.button href=(next) { "Older events" } }
            }
        }
    };
    Ok(layout::page(&by, Place::Audit, "Audit log", &content))
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: &str,
) -> Result<Option<T>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| ApiError::bad_request(format!("{field}: {error}")))
}

fn filters(filter: &Filter) -> Markup {
    html! {
        form.filters role="search" action="/audit" {
            div.field {
                label for="action" { "Action" }
                select #action name="action" {
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
                label for="actor" { "By whom" }
                input #actor name="actor" value=(filter.actor) placeholder="user:alice" maxlength="255";
            }
            div.field.grow {
                label for="key" { "Key" }
                input #key name="key" value=(filter.key) placeholder="Its id" maxlength="36" spellcheck="false";
            }
            button { (icon(Icon::Search)) "Filter" }
        }
    }
}

/// What the keys of these events are called now.
async fn names(app: &App, by: &SignedIn, events: &[Event]) -> Result<Names, ApiError> {
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
            Some(own) => a href={ (PATH) "/" (id) } title=(id) { (name(own.as_str())) },
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
