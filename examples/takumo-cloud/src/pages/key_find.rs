//! The search of the key list. A text that holds a key never gets into an address.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use keyfob::{Environment, FoundKey, KeyHint, KeyRecord, KeyStatus, KeyStore as _, StoreError};
use maud::{Markup, html};
use percent_encoding::percent_decode_str;

use super::address;
use super::elements::{environment, last_used, name, status, time};
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::layout::{self, Place};
use super::signed_in::SignedIn;
use super::submission::Search;
use crate::app::App;
use crate::error::ApiError;
use crate::scanner;
use crate::takumo::FORMAT;

/// `POST /settings/api-keys/find`: `q`, `status`, `environment`
///
/// A whole key is answered with the key that it is. Every other text goes on to the list, whose
/// address can be kept.
pub(super) async fn find(
    State(app): State<App>,
    Search { by, mut fields }: Search,
) -> Result<Response, ApiError> {
    let text = fields.text("q")?.unwrap_or_default();
    let mut pairs = Vec::new();
    for filter in ["status", "environment"] {
        if let Some(chosen) = fields.given(filter)? {
            pairs.push((filter, chosen));
        }
    }
    fields.finish()?;
    match Wanted::of(&text) {
        Wanted::Keys(hashes) => {
            let found = own_key(&app, &by, &hashes).await?;
            Ok(page(&by, found.as_ref()).into_response())
        }
        Wanted::Text(text) => {
            if !text.is_empty() {
                pairs.push(("q", text));
            }
            Ok(Redirect::to(&address(PATH, &pairs)).into_response())
        }
    }
}

/// The target of a search.
pub(super) enum Wanted {
    /// The key of the first of these that there is.
    Keys(Vec<keyfob::KeyHash>),
    /// Keys by their name or the beginning of a secret. It holds no more of one than lists show.
    Text(String),
}

/// More hex digits than this in a row are a part of a key, not of a name or of an id.
const MAX_DIGITS: usize = 12;
/// The number of digits of a secret that lists show.
const SHOWN_DIGITS: usize = 8;

impl Wanted {
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim();
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        let lower = decoded.to_lowercase();
        let runs: Vec<&str> = lower
            .split(|letter: char| !letter.is_ascii_hexdigit())
            .filter(|run| run.len() > MAX_DIGITS)
            .collect();
        if runs.is_empty() && !scanner::mentions_key(&lower) {
            return Self::Text(text.chars().take(255).collect());
        }
        let whole: Vec<_> = scanner::find_keys(&decoded).map(|found| found.key.hash()).collect();
        if !whole.is_empty() {
            return Self::Keys(whole.into_iter().take(MAX_KEYS).collect());
        }
        // The digits alone are a key of either environment.
        let bare = runs.iter().flat_map(|run| {
            Environment::ALL.map(|environment| format!("{}{run}", FORMAT.prefix(environment)))
        });
        let hash = |text: String| FORMAT.parse(text.as_bytes()).ok().map(|key| key.hash());
        let bare: Vec<_> = bare.filter_map(hash).take(MAX_KEYS).collect();
        if !bare.is_empty() {
            return Self::Keys(bare);
        }
        // A part of a key is looked for by what lists show of it.
        let prefixes = Environment::ALL.map(|environment| FORMAT.prefix(environment));
        let hint = prefixes.iter().find_map(|prefix| {
            let digits = lower.split_once(prefix)?.1;
            let digits: String =
                digits.chars().take_while(char::is_ascii_hexdigit).take(SHOWN_DIGITS).collect();
            Some(format!("{prefix}{digits}"))
        });
        let digits = || runs.first().map(|run| run.chars().take(SHOWN_DIGITS).collect());
        Self::Text(hint.or_else(digits).unwrap_or_default())
    }
}

/// The number of keys of one text that are looked up.
const MAX_KEYS: usize = 10;

/// Looks for one of these keys in the organization. Another organization's key is not found.
pub(super) async fn own_key(
    app: &App,
    by: &SignedIn,
    hashes: &[keyfob::KeyHash],
) -> Result<Option<(KeyRecord, FoundKey)>, ApiError> {
    for found in app.keys.store().find(hashes).await?.keys {
        let Some(found) = found.map_err(StoreError::from)? else { continue };
        match app.keys.get(by.organization_id(), found.id).await {
            Ok(key) => return Ok(Some((key, found))),
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn page(by: &SignedIn, found: Option<&(KeyRecord, FoundKey)>) -> Html<String> {
    let content = html! {
        div.page-head {
            div {
                p.crumbs { a href=(PATH) { "API Keys" } }
                h1 { @if found.is_some() { "Key found" } @else { "No such key" } }
            }
        }
        @match found {
            Some((key, secret)) => (known(by, key, secret)),
            None => {
                div.card.narrow.stack data-address=(PATH) {
                    p {
                        "The key that you searched for belongs to no key of "
                        (name(by.organization.name.as_str())) "."
                    }
                    p.muted { "The key was not stored, logged or put into an address." }
                    p { a.button href=(PATH) { "Back to the keys" } }
                }
            }
        }
    };
    layout::page(by, Place::ApiKeys, "Search", &content)
}

fn known(by: &SignedIn, key: &KeyRecord, secret: &FoundKey) -> Markup {
    let address = format!("{PATH}/{}", key.id);
    let ended = secret.retires_at.is_some_and(|end| end <= by.now);
    let works = key.status(by.now) == KeyStatus::Active && !ended;
    let changes = by.manages(key) && key.status(by.now) != KeyStatus::Revoked;
    html! {
        div.card.narrow.stack data-address=(address) {
            p {
                "This is a key of " (name(by.organization.name.as_str())) ": "
                strong { a href=(address) { (name(key.name.as_str())) } } "."
            }
            p.badges {
                (status(key, by.now)) (environment(key.environment))
                @if let Some(hint) = hint(key) { code { (hint) } }
            }
            @if let Some(at) = last_used(key) { p.muted { "Last used " (time(at, by.now)) "." } }
            @if works {
                div.notice.warn {
                    (icon(Icon::Warning))
                    p {
                        "This secret works. If other people may have seen it, rotate the key "
                        "without a grace period, or revoke the key."
                    }
                }
            } @else {
                div.notice.good { (icon(Icon::Check)) p { (refused(key, ended, by)) } }
            }
            p.actions {
                @if changes {
                    a.button.primary href={ (address) "/rotate" } { "Rotate" }
                    a.button.bad href={ (address) "/revoke" } { "Revoke…" }
                }
                a.button href=(address) { "View the key" }
            }
        }
    }
}

fn refused(key: &KeyRecord, ended: bool, by: &SignedIn) -> &'static str {
    match key.status(by.now) {
        KeyStatus::Revoked => "The key is revoked. No server accepts it.",
        KeyStatus::Expired => "The key has expired. No server accepts it.",
        KeyStatus::Disabled => {
            "The key is disabled. No server accepts it until somebody enables it. \
             If other people may have seen it, revoke it."
        }
        KeyStatus::Active if ended => {
            "This is an old secret of the key. No server accepts it. The key has a newer secret."
        }
        KeyStatus::Active => "This secret works.",
    }
}

fn hint(key: &KeyRecord) -> Option<&KeyHint> {
    key.secrets.first().map(|secret| &secret.hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(wanted: &str) -> Option<String> {
        match Wanted::of(wanted) {
            Wanted::Text(text) => Some(text),
            Wanted::Keys(_) => None,
        }
    }

    #[test]
    fn whole_keys_are_looked_up() {
        let digits = "0a".repeat(32);
        for whole in [
            format!("tk_live_{digits}"),
            format!(" export TAKUMO_API_KEY='tk_test_{digits}'\n"),
            format!("https://example.com/?key=tk%5Flive_{digits}"),
            format!("%74k_live_{digits}"),
            digits.clone(),
            digits.to_uppercase(),
        ] {
            assert_eq!(text(&whole), None, "{whole}");
        }
    }

    #[test]
    fn text_for_an_address_has_no_more_of_a_key_than_lists_show() {
        for (typed, wanted) in [
            (" ci-pipeline ", "ci-pipeline"),
            ("tk_live_a1b2c3d4", "tk_live_a1b2c3d4"),
            ("a1b2c3d4", "a1b2c3d4"),
            ("100 %", "100 %"),
            ("0197f3c2-370a-7400-997e-1f9f507ce3f1", "0197f3c2-370a-7400-997e-1f9f507ce3f1"),
            ("tk_live_A1B2C3D4E5F6", "tk_live_a1b2c3d4"),
            ("TK_LIVE_a1b2c3d4e5", "tk_live_a1b2c3d4"),
            ("tk%5Flive%5Fa1b2c3d4e5f6", "tk_live_a1b2c3d4"),
            ("a1b2c3d4e5f6a7b8", "a1b2c3d4"),
        ] {
            assert_eq!(text(typed).as_deref(), Some(wanted), "{typed}");
        }
    }
}
