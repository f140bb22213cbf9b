//! The one answer that has a plaintext in it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyfob::{IssuedKey, IssuedOnce, KeyRecord, KeyStatus};
use maud::{Markup, html};

use super::elements::{environment, name, time, waits_for_use};
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::key_page::NOT_COPIED;
use super::layout::{self, Place, form_token};
use super::signed_in::SignedIn;
use crate::error::{ApiError, REPLAYED};
use crate::token::Token;

/// Shows a plaintext, or that it was shown before.
///
/// Nothing keeps it: the browser is told to store nothing, and the script empties the page when it is
/// left, so that one which comes back from the memory of the browser has it no more. A reload sends
/// the form again, which by its token is known to have made its key.
pub(super) fn answer(by: &SignedIn, title: &str, key: &IssuedOnce) -> Result<Response, ApiError> {
    let (status, title, content) = match key {
        IssuedOnce::New(issued) => (StatusCode::CREATED, title, plaintext(by, title, issued)),
        IssuedOnce::Replayed(key) => (StatusCode::OK, SHOWN_ALREADY, already(by, key)?),
    };
    let page = layout::page(by, Place::ApiKeys, title, &content);
    let no_store = HeaderValue::from_static("no-store, max-age=0");
    let mut response = (status, [(header::CACHE_CONTROL, no_store)], page).into_response();
    if matches!(key, IssuedOnce::Replayed(_)) {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn plaintext(by: &SignedIn, title: &str, issued: &IssuedKey) -> Markup {
    let IssuedKey { key, api_key, .. } = issued;
    let secret = api_key.expose_secret();
    let old_ends = key.secrets.get(1).and_then(|old| old.retires_at);
    html! {
        div.page-head {
            div {
                h1 { (title) }
                p.muted { (name(key.name.as_str())) " " (environment(key.environment)) }
            }
        }
        div.card.stack #secret-card data-shown-once data-address={ (PATH) "/" (key.id) "?done=shown-once" } {
            div.notice.warn role="status" {
                (icon(Icon::Warning))
                p {
                    strong { "Copy the key now. " }
                    "You won't see it again: it is not kept, here or anywhere."
                }
            }
            @match old_ends {
                Some(end) if end > by.now => {
                    p { "The old secret works on, and retires " (time(end, by.now)) "." }
                }
                Some(_) => p { "The old secret is refused from now on." },
                None => {}
            }
            (line("secret", "Your key", secret))
            (line("secret-export", "For a shell", &format!("export TAKUMO_API_KEY={secret}")))
            (line("secret-dotenv", "For a .env file", &format!("TAKUMO_API_KEY={secret}")))
            p.actions { a.button.primary href={ (PATH) "/" (key.id) } { "I have copied it" } }
        }
        div.card.stack.hidden #secret-gone {
            p { "The key was shown once, and is gone from this page." }
            p { a.button href={ (PATH) "/" (key.id) } { "Look at the key" } }
        }
    }
}

/// A text that is selected as a whole by a click, and copied by a button where there is the script.
fn line(id: &str, label: &str, text: &str) -> Markup {
    html! {
        div.field {
            p.label #{ (id) "-label" } { (label) }
            div.copy {
                code.copy-text id=(id) tabindex="0" aria-labelledby={ (id) "-label" } role="textbox"
                    aria-readonly="true" { (text) }
                button type="button" data-copy=(id) hidden aria-describedby={ (id) "-label" } {
                    (icon(Icon::Copy)) span { "Copy" }
                }
            }
        }
    }
}

const SHOWN_ALREADY: &str = "This key was shown already";

/// Answers a form that was sent again. A browser that sends a form twice shows the second answer
/// only, so the page offers a new secret.
fn already(by: &SignedIn, key: &KeyRecord) -> Result<Markup, ApiError> {
    let once = Token::random()?;
    let unused = key.secrets.first().is_some_and(|newest| newest.last_used_at.is_none());
    Ok(html! {
        div.page-head { h1 { (SHOWN_ALREADY) } }
        div.card.stack data-address={ (PATH) "/" (key.id) "?done=shown-once" } {
            p {
                "The form was sent twice. The first time made the key for "
                (name(key.name.as_str())) ", and only that answer showed it."
            }
            @if unused && key.secrets.len() == 1 && key.status(by.now) == KeyStatus::Active {
                p {
                    "If you have not copied the key, make a new secret for it. "
                    "The secret that you missed was never used, and stops working at once."
                }
                form.actions method="post" action={ (PATH) "/" (key.id) "/rotate" } {
                    (form_token(by))
                    input type="hidden" name="once" value=(once.expose());
                    input type="hidden" name="overlap" value="0";
                    button.primary { "Make a new secret" }
                    a.button href={ (PATH) "/" (key.id) } { "View the key" }
                }
            } @else if waits_for_use(key, by.now) {
                p { "The old secret keeps working for the time that you chose. " (NOT_COPIED) }
                p.actions {
                    a.button.primary href={ (PATH) "/new" } { "Create another key" }
                    a.button href={ (PATH) "/" (key.id) } { "View the key" }
                }
            } @else {
                p { "If you have not copied the key, rotate it to get a new secret." }
                p { a.button href={ (PATH) "/" (key.id) } { "View the key" } }
            }
        }
    })
}
