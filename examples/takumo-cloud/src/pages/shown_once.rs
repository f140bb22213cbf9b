//! The one answer that has a plaintext in it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyfob::{IssuedKey, IssuedOnce, KeyRecord};
use maud::{Markup, html};

use super::elements::{environment, name, time};
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::layout::{self, Place};
use super::signed_in::SignedIn;

/// Shows a plaintext, or that it was shown before.
///
/// Nothing keeps it: the browser is told to store nothing, and the script empties the page when it is
/// left, so that one which comes back from the memory of the browser has it no more. A reload sends
/// the form again, which by its token is known to have made its key.
pub(super) fn answer(by: &SignedIn, title: &str, key: &IssuedOnce) -> Response {
    let (status, title, content) = match key {
        IssuedOnce::New(issued) => (StatusCode::CREATED, title, plaintext(by, title, issued)),
        IssuedOnce::Replayed(key) => (StatusCode::OK, SHOWN_ALREADY, already(key)),
    };
    let page = layout::page(by, Place::ApiKeys, title, &content);
    let no_store = HeaderValue::from_static("no-store, max-age=0");
    (status, [(header::CACHE_CONTROL, no_store)], page).into_response()
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
        div.card.stack #secret-card data-shown-once {
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
                button type="button" data-copy=(id) hidden aria-label={ "Copy: " (label) } {
                    (icon(Icon::Copy)) span { "Copy" }
                }
            }
        }
    }
}

const SHOWN_ALREADY: &str = "This key was shown already";

fn already(key: &KeyRecord) -> Markup {
    html! {
        div.page-head { h1 { (SHOWN_ALREADY) } }
        div.card.stack {
            p {
                "This form made " (name(key.name.as_str()))
                " when it was first sent, and the key was shown then. It can't be shown again."
            }
            p.muted { "If nobody has copied it, rotate the key: it gets a new secret." }
            p { a.button href={ (PATH) "/" (key.id) } { "Look at the key" } }
        }
    }
}
