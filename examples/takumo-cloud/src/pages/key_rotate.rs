use std::time::Duration;

use axum::extract::State;
use axum::response::{Html, Response};
use keyfob::IdempotencyToken;
use keyfob::KeyRecord;
use maud::html;

use super::come_back::Again;
use super::elements::{last_used, rotates, time, waits_for_use};
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::key_page::{NOT_COPIED, head};
use super::layout::{self, Place, form_token};
use super::notice::notice;
use super::shown_once;
use super::signed_in::SignedIn;
use super::submission::Submission;
use crate::app::App;
use crate::error::ApiError;
use crate::grants::Grantor;
use crate::parameters::KeyPath;
use crate::token::Token;

/// For how long the old secret may work beside the new one, by the word in the form.
const OVERLAPS: [(&str, &str, u64); 5] = [
    ("1h", "1 hour", 3_600),
    ("24h", "24 hours", 24 * 3_600),
    ("3d", "3 days", 3 * 24 * 3_600),
    ("7d", "7 days", 7 * 24 * 3_600),
    ("0", "Not at all: it has leaked", 0),
];
const USUAL: &str = "24h";

/// `GET /settings/api-keys/{id}/rotate`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    KeyPath(id): KeyPath,
    again: Again,
) -> Result<Html<String>, ApiError> {
    let key = by.key_to_change(&app, id).await?;
    Grantor::person(by.role).check_rotation(&key)?;
    page(&by, &key, again)
}

/// `POST /settings/api-keys/{id}/rotate`: `once`, `overlap`
///
/// The answer has a plaintext that may do what the key may do, so the person must be one who could
/// have made such a key.
pub(super) async fn submit(
    State(app): State<App>,
    KeyPath(id): KeyPath,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let once: IdempotencyToken = fields.parsed("once")?;
    let word = fields.required("overlap")?;
    fields.finish()?;
    let overlap = OVERLAPS.iter().find(|(own, ..)| *own == word);
    let (.., seconds) = overlap
        .ok_or_else(|| ApiError::bad_request("overlap: choose one of those that the form has"))?;
    let key = by.own_key(&app, id).await?;
    Grantor::person(by.role).check_rotation(&key)?;
    let overlap = Duration::from_secs(*seconds);
    let rotated =
        app.keys.rotate_once(once, by.organization_id(), id, overlap, by.author()).await?;
    shown_once::answer(&by, "Key rotated", &rotated)
}

fn page(by: &SignedIn, key: &KeyRecord, again: Again) -> Result<Html<String>, ApiError> {
    let overlap = again.fields.unwrap_or_default().text("overlap")?;
    let overlap = overlap.unwrap_or_else(|| USUAL.into());
    let address = format!("{PATH}/{}", key.id);
    let once = Token::random()?;
    let content = html! {
        (notice(again.done.as_deref()))
        (head(key, "Rotate this key"))
        div.card.narrow.stack {
            @if rotates(key, by.now) {
                div.notice.warn {
                    (icon(Icon::Warning))
                    p {
                        "It has two secrets already. "
                        @if waits_for_use(key, by.now) {
                            "The new one was never used, so don't end the old one yet. " (NOT_COPIED)
                        } @else {
                            "Retire the old one first."
                        }
                    }
                }
                p { a.button href=(address) { "Back to the key" } }
            } @else {
                p {
                    "The key gets a new secret and stays the same key: its name, scopes, usage and its "
                    "place in the plan. The old secret works on for a while, so that nothing stops "
                    "while you put the new one in its place."
                }
                @if let Some(at) = last_used(key) {
                    p.muted { "The key was last used " (time(at, by.now)) "." }
                }
                form.stack method="post" action={ (address) "/rotate" } {
                    (form_token(by))
                    input type="hidden" name="once" value=(once.expose());
                    div.field {
                        label for="overlap" { "The old secret works on for" }
                        select #overlap name="overlap" {
                            @for (own, text, _) in OVERLAPS {
                                option value=(own) selected[own == overlap] { (text) }
                            }
                        }
                    }
                    div.actions {
                        button.primary { "Rotate key" }
                        a.button href=(address) { "Cancel" }
                    }
                }
            }
        }
    };
    Ok(layout::page(by, Place::ApiKeys, "Rotate a key", &content))
}
