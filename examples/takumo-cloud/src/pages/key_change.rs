//! The changes of a key that need no more than saying so; and its revocation, which needs a word.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use keyfob::{KeyId, KeyRecord, Reason};
use maud::{Markup, html};

use super::come_back::Again;
use super::elements::{last_used, name, time};
use super::errors::sentence;
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::key_page::{PATIENCE, head};
use super::layout::{self, Place, form_token};
use super::notice::{Wrong, described, invalid, notice, summary};
use super::signed_in::SignedIn;
use super::submission::Submission;
use crate::app::App;
use crate::error::ApiError;
use crate::grants::Grantor;
use crate::parameters::KeyPath;

/// `POST /settings/api-keys/{id}/retire`: ends the overlap of a rotation now
pub(super) async fn retire(
    State(app): State<App>,
    KeyPath(id): KeyPath,
    Submission { by, fields }: Submission,
) -> Result<Redirect, ApiError> {
    fields.finish()?;
    by.own_key(&app, id).await?;
    app.keys.retire_old_secret(by.organization_id(), id, by.author()).await?;
    Ok(back(id, "retired"))
}

/// `POST /settings/api-keys/{id}/disable`
pub(super) async fn disable(
    State(app): State<App>,
    KeyPath(id): KeyPath,
    Submission { by, fields }: Submission,
) -> Result<Redirect, ApiError> {
    fields.finish()?;
    by.own_key(&app, id).await?;
    app.keys.disable(by.organization_id(), id, by.author()).await?;
    Ok(back(id, "disabled"))
}

/// `POST /settings/api-keys/{id}/enable`
pub(super) async fn enable(
    State(app): State<App>,
    KeyPath(id): KeyPath,
    Submission { by, fields }: Submission,
) -> Result<Redirect, ApiError> {
    fields.finish()?;
    let key = by.own_key(&app, id).await?;
    Grantor::person(by.role).check_enabling(&key)?;
    app.keys.enable(by.organization_id(), id, by.author()).await?;
    Ok(back(id, "enabled"))
}

/// `GET /settings/api-keys/{id}/revoke`
pub(super) async fn confirm(
    State(app): State<App>,
    by: SignedIn,
    KeyPath(id): KeyPath,
    again: Again,
) -> Result<Html<String>, ApiError> {
    let key = by.key_to_change(&app, id).await?;
    let mut fields = again.fields.unwrap_or_default();
    let reason = fields.text("reason")?.unwrap_or_default();
    Ok(page(&by, &key, &reason, &notice(again.done.as_deref()), None))
}

/// `POST /settings/api-keys/{id}/revoke`: `confirm`, `reason`
pub(super) async fn revoke(
    State(app): State<App>,
    KeyPath(id): KeyPath,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let typed = fields.text("confirm")?.unwrap_or_default();
    let reason = fields.given("reason")?;
    fields.finish()?;
    let key = by.own_key(&app, id).await?;
    let again = |field, text: &str| {
        let reason = reason.as_deref().unwrap_or_default();
        let wrong = Wrong::new(field, text);
        let page = page(&by, &key, reason, &html! {}, Some(&wrong));
        (StatusCode::BAD_REQUEST, page).into_response()
    };
    if typed.trim() != word_of(&key) {
        return Ok(again("confirm", "Type the word exactly as it stands there."));
    }
    let reason = match reason.as_deref().map(str::parse::<Reason>).transpose() {
        Ok(reason) => reason,
        Err(error) => return Ok(again("reason", &sentence(&error.to_string()))),
    };
    let revoke = app.keys.revoke(by.organization_id(), id, reason, by.author());
    let everywhere = revoke.confirmed(PATIENCE).await?.in_force();
    Ok(back(id, if everywhere { "revoked" } else { "revoked-here" }).into_response())
}

fn back(id: KeyId, done: &str) -> Redirect {
    Redirect::to(&format!("{PATH}/{id}?done={done}"))
}

/// What has to be typed: the digits of the key that lists show. They say which key is meant, and
/// anybody can type them, whatever its name is written in.
fn word_of(key: &KeyRecord) -> String {
    let hint = key.secrets.first().map(|secret| secret.hint.as_str());
    let digits = hint.and_then(|hint| hint.rsplit('_').next()).unwrap_or_default();
    // One that was imported by its hash shows none.
    if digits.is_empty() { "revoke".into() } else { digits.into() }
}

fn page(
    by: &SignedIn,
    key: &KeyRecord,
    reason: &str,
    told: &Markup,
    wrong: Option<&Wrong>,
) -> Html<String> {
    let address = format!("{PATH}/{}", key.id);
    let content = html! {
        (told)
        (head(key, "Revoke this key?"))
        div.card.narrow.stack data-address={ (address) "/revoke" } {
            (summary(wrong))
            div.notice.bad {
                (icon(Icon::Warning))
                div {
                    p { strong { (name(key.name.as_str())) } " is refused by every server within seconds, for good." }
                    @if let Some(at) = last_used(key) {
                        p { "It was last used " (time(at, by.now)) ": what uses it will fail." }
                    }
                }
            }
            form.stack method="post" action={ (address) "/revoke" } {
                (form_token(by))
                div.field {
                    label for="reason" { "Reason " span.muted { "(kept in the audit log)" } }
                    input #reason name="reason" value=(reason) maxlength="500" autocomplete="off"
                        placeholder="Lost laptop" aria-invalid=[invalid(wrong, "reason")]
                        aria-describedby=[described(wrong, "reason", None)];
                }
                div.field {
                    label for="confirm" { "Type " code { (word_of(key)) } " to confirm" }
                    input #confirm name="confirm" required autocomplete="off" autocapitalize="none"
                        spellcheck="false" data-confirms=(word_of(key)) aria-invalid=[invalid(wrong, "confirm")]
                        aria-describedby=[described(wrong, "confirm", None)];
                }
                div.actions {
                    button.bad.filled data-confirmed-by="confirm" { "Revoke for good" }
                    a.button href=(address) { "Cancel" }
                }
            }
        }
    };
    layout::page(by, Place::ApiKeys, "Revoke a key", &content)
}
