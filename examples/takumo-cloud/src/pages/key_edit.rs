use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use keyfob::{Expiry, KeyEdit, KeyRecord};
use maud::{Markup, html};

use super::come_back::Again;
use super::elements::expiry as expiry_of;
use super::key_draft::{self, LIVES};
use super::key_list::PATH;
use super::key_new::scope_boxes;
use super::key_page::head;
use super::layout::{self, Place, form_token};
use super::notice::{Wrong, described, invalid, notice, summary};
use super::signed_in::SignedIn;
use super::submission::{Fields, Submission};
use crate::app::App;
use crate::error::ApiError;
use crate::grants::Grantor;
use crate::parameters::KeyPath;
use crate::takumo::Scope;

/// The fields as they were typed.
struct Typed {
    name: String,
    scopes: Vec<String>,
    expires: String,
    expires_on: String,
}

/// `GET /settings/api-keys/{id}/edit`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    KeyPath(id): KeyPath,
    again: Again,
) -> Result<Html<String>, ApiError> {
    let key = by.key_to_change(&app, id).await?;
    let typed = match again.fields {
        Some(mut fields) => Typed::read(&mut fields)?,
        None => Typed::of(&key),
    };
    Ok(page(&by, &key, &typed, &notice(again.done.as_deref()), None))
}

/// `POST /settings/api-keys/{id}/edit`: `name`, `scope`…, `expires`, `expires_on`
pub(super) async fn submit(
    State(app): State<App>,
    KeyPath(id): KeyPath,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let typed = Typed::read(&mut fields)?;
    fields.finish()?;
    let key = by.own_key(&app, id).await?;
    let edit = typed.edit(&by, &key).and_then(|edit| {
        let granted = Grantor::person(by.role).check_edit(&key, &edit);
        granted.map(|()| edit).map_err(Wrong::from)
    });
    let edit = match edit {
        Ok(edit) => edit,
        Err(wrong) => {
            let page = page(&by, &key, &typed, &html! {}, Some(&wrong));
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
    };
    if edit.name.is_some() || edit.scopes.is_some() || edit.expires_at.is_some() {
        let limit = by.organization.plan.key_limit();
        app.keys.edit(by.organization_id(), id, edit, limit, by.author()).await?;
    }
    Ok(Redirect::to(&format!("{PATH}/{id}?done=edited")).into_response())
}

impl Typed {
    fn of(key: &KeyRecord) -> Self {
        Self {
            name: key.name.to_string(),
            scopes: key.scopes.iter().map(Into::into).collect(),
            expires: "keep".into(),
            expires_on: String::new(),
        }
    }

    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            name: fields.text("name")?.unwrap_or_default(),
            scopes: fields.all("scope"),
            expires: fields.text("expires")?.unwrap_or_default(),
            expires_on: fields.text("expires_on")?.unwrap_or_default(),
        })
    }

    /// What changes. A scope that the person can't grant has a box that can't be unticked, and is not
    /// sent: the key keeps it, as long as no other scope changes.
    fn edit(&self, by: &SignedIn, key: &KeyRecord) -> Result<KeyEdit, Wrong> {
        let name = key_draft::name(&self.name)?;
        let has = key.scopes.to_set::<Scope>();
        let kept = (has - by.role.grants()).iter().map(|scope| scope.to_string());
        let wanted: Vec<_> = self.scopes.iter().cloned().chain(kept).collect();
        let same = wanted.len() == has.len()
            && wanted.iter().all(|own| has.iter().any(|scope| scope.to_string() == *own));
        let scopes = if same { None } else { Some(key_draft::scopes(&wanted)?) };
        let expires_at = match self.expires.as_str() {
            "keep" => None,
            word => Some(match key_draft::expiry(word, &self.expires_on)? {
                Expiry::At(at) if at <= by.now => return Err(key_draft::day_is_over()),
                expiry => expiry.at(by.now),
            }),
        };
        Ok(KeyEdit {
            name: (name != key.name).then_some(name),
            scopes: scopes.map(Into::into),
            expires_at,
        })
    }
}

fn page(
    by: &SignedIn,
    key: &KeyRecord,
    typed: &Typed,
    told: &Markup,
    wrong: Option<&Wrong>,
) -> Html<String> {
    let address = format!("{PATH}/{}", key.id);
    let content = html! {
        (told)
        (head(key, "Edit this key"))
        div.card.narrow data-address={ (address) "/edit" } {
            (summary(wrong))
            form.stack method="post" action={ (address) "/edit" } {
                (form_token(by))
                div.field {
                    label for="new-name" { "Name" }
                    input #new-name name="name" value=(typed.name) required maxlength="255"
                        autocomplete="off" aria-invalid=[invalid(wrong, "new-name")]
                        aria-describedby=[described(wrong, "new-name", None)];
                }
                (scope_boxes(by, &typed.scopes, false, wrong))
                (expiry(by, key, typed, wrong))
                div.actions {
                    button.primary { "Save" }
                    a.button href=(address) { "Cancel" }
                }
            }
        }
    };
    layout::page(by, Place::ApiKeys, "Edit a key", &content)
}

fn expiry(by: &SignedIn, key: &KeyRecord, typed: &Typed, wrong: Option<&Wrong>) -> Markup {
    html! {
        div.row {
            div.field.grow {
                label for="expires" { "Expires" }
                select #expires name="expires" aria-invalid=[invalid(wrong, "expires")]
                    aria-describedby=[described(wrong, "expires", Some("expires-now"))] {
                    option value="keep" selected[typed.expires == "keep"] { "As it does now" }
                    @for (own, text, _) in LIVES {
                        option value=(own) selected[own == typed.expires] { "In " (text) ", from now" }
                    }
                    option value="on" selected[typed.expires == "on"] { "On a day…" }
                    option value="never" selected[typed.expires == "never"] { "Never" }
                }
                p.help #expires-now { "Now: " (expiry_of(key, by.now)) }
            }
            div.field.grow data-shown-with="expires=on" {
                label for="expires-on" { "Last day, if you choose one" }
                input #expires-on name="expires_on" type="date" value=(typed.expires_on)
                    aria-invalid=[invalid(wrong, "expires-on")]
                    aria-describedby=[described(wrong, "expires-on", None)];
            }
        }
    }
}
