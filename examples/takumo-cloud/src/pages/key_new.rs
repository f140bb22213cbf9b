use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use keyfob::{CreateError, CreateKey, Environment, Scope as _, ScopeSet, StoreError};
use maud::{Markup, html};

use super::come_back::Again;
use super::elements::capital;
use super::icons::{Icon, icon};
use super::key_draft::{KeyDraft, LIVES, day_is_over};
use super::key_list::{PATH, Slots};
use super::layout::{self, Place, form_token};
use super::notice::{Wrong, described, invalid, notice, summary};
use super::shown_once;
use super::signed_in::{SignedIn, require};
use super::submission::Submission;
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::takumo::Scope;

/// `GET /settings/api-keys/new`, with `preset`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    again: Again,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    let preset: Option<String> = parameters.take("preset")?;
    require(by.role.makes_keys(), "a viewer can't make keys")?;
    if Slots::count(&app, &by).await?.full() {
        return Ok(full(&by));
    }
    let mut draft = match again.fields {
        Some(mut fields) => {
            KeyDraft { once: KeyDraft::new()?.once, ..KeyDraft::read(&mut fields)? }
        }
        None => KeyDraft::new()?,
    };
    if let Some(preset) = PRESETS.iter().find(|own| Some(own.word) == preset.as_deref()) {
        draft.scopes = preset.scopes(&by).iter().map(|scope| scope.name().to_owned()).collect();
    }
    Ok(page(&by, &draft, &notice(again.done.as_deref()), None))
}

/// `POST /settings/api-keys`
///
/// The plaintext is in this answer and in no other: not in an address to go on to, not in the
/// session. The form that made it is good for one key.
pub(super) async fn create(
    State(app): State<App>,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let draft = KeyDraft::read(&mut fields)?;
    fields.finish()?;
    require(by.role.makes_keys(), "a viewer can't make keys")?;
    let again = |wrong| {
        (StatusCode::BAD_REQUEST, page(&by, &draft, &html! {}, Some(wrong))).into_response()
    };
    let wanted = match draft.check(&by) {
        Ok(wanted) => wanted,
        Err(wrong) => return Ok(again(&wrong)),
    };
    let request =
        CreateKey::new(by.organization.id.clone(), wanted.name, wanted.environment, wanted.scopes)
            .with_expiry(wanted.expiry);
    let limit = by.organization.plan.key_limit();
    match app.keys.create_once(draft.token()?, request, limit, by.author()).await {
        Ok(key) => shown_once::answer(&by, "Key created", &key),
        Err(CreateError::Store(StoreError::LimitReached { .. })) => {
            Ok((StatusCode::FORBIDDEN, full(&by)).into_response())
        }
        Err(CreateError::ExpiryNotInFuture) => Ok(again(&day_is_over())),
        Err(error) => Err(error.into()),
    }
}

/// The form on the page of the list, for a browser that runs the script.
pub(super) fn dialog(by: &SignedIn, draft: &KeyDraft) -> Markup {
    html! {
        dialog #create-key aria-labelledby="create-key-title" {
            div.dialog-head {
                h2 #create-key-title { "Create key" }
                button.plain.close type="button" data-close aria-label="Close" { "×" }
            }
            (form(by, draft, None))
            (layout::announcer())
        }
    }
}

fn page(by: &SignedIn, draft: &KeyDraft, told: &Markup, wrong: Option<&Wrong>) -> Html<String> {
    let content = html! {
        (told)
        div.page-head { h1 { "Create key" } }
        div.card.narrow data-address={ (PATH) "/new" } {
            (summary(wrong))
            (form(by, draft, wrong))
        }
    };
    layout::page(by, Place::ApiKeys, "Create key", &content)
}

fn full(by: &SignedIn) -> Html<String> {
    let content = html! {
        div.page-head { h1 { "Create key" } }
        div.card.narrow.stack {
            div.notice.warn {
                (icon(Icon::Warning))
                p {
                    "The " (capital(by.organization.plan.as_str())) " plan holds "
                    (by.organization.plan.key_limit()) " keys, and all are in use."
                }
            }
            p { "Revoke a key that is not needed any more, or ask for a larger plan." }
            p.actions {
                a.button href=(PATH) { "Back to the keys" }
                @if by.role.edits_organization() {
                    a.button href="/settings/organization" { "Change the plan" }
                }
            }
        }
    };
    layout::page(by, Place::ApiKeys, "Create key", &content)
}

fn form(by: &SignedIn, draft: &KeyDraft, wrong: Option<&Wrong>) -> Markup {
    html! {
        form.stack method="post" action=(PATH) {
            (form_token(by))
            input type="hidden" name="once" value=(draft.once);
            div.field {
                label for="new-name" { "Name" }
                input #new-name name="name" value=(draft.name) required maxlength="255"
                    placeholder="cursor-laptop" autocomplete="off" autofocus
                    aria-invalid=[invalid(wrong, "new-name")]
                    aria-describedby=[described(wrong, "new-name", Some("new-name-help"))];
                p.help #new-name-help {
                    "Where it will be used, such as " code { "cursor-laptop" } " or "
                    code { "ci-pipeline" } "."
                }
            }
            (environments(&draft.environment, wrong))
            (scope_boxes(by, &draft.scopes, true, wrong))
            (expiry(&draft.expires, &draft.expires_on, wrong))
            div.actions {
                button.primary { "Create key" }
                a.button href=(PATH) data-close { "Cancel" }
            }
        }
    }
}

fn environments(chosen: &str, wrong: Option<&Wrong>) -> Markup {
    let about = |environment| match environment {
        Environment::Live => "Works on real data.",
        Environment::Test => "For development: sees test data only.",
    };
    html! {
        fieldset #environment-choice tabindex="-1" aria-describedby=[described(wrong, "environment-choice", None)] {
            legend { "Environment" }
            div.choices {
                @for own in Environment::ALL {
                    label.choice {
                        input type="radio" name="environment" value=(own.as_str())
                            checked[own.as_str() == chosen] required;
                        span {
                            span.choice-name { (capital(own.as_str())) }
                            span.muted.small { (about(own)) }
                        }
                    }
                }
            }
        }
    }
}

/// A choice of scopes by one word. Without the script it is an address of this form.
struct Preset {
    word: &'static str,
    name: &'static str,
    has: fn(Scope) -> bool,
}

const PRESETS: [Preset; 3] = [
    Preset { word: "read-only", name: "Read-only", has: |scope| scope.name().ends_with(":read") },
    Preset {
        word: "shield",
        name: "Shield only",
        has: |scope| scope.name().starts_with("shield:"),
    },
    Preset { word: "everything", name: "Everything", has: |_| true },
];

impl Preset {
    /// Its scopes, but for those that the person can't grant.
    fn scopes(&self, by: &SignedIn) -> ScopeSet<Scope> {
        by.role.grants().iter().filter(|scope| (self.has)(*scope)).collect()
    }
}

/// A box for each scope, by what it is about. One that the person can't grant is there, and can't be
/// ticked.
pub(super) fn scope_boxes(
    by: &SignedIn,
    ticked: &[String],
    presets: bool,
    wrong: Option<&Wrong>,
) -> Markup {
    let grants = by.role.grants();
    html! {
        fieldset.scope-boxes #scopes tabindex="-1" aria-describedby=[described(wrong, "scopes", None)] {
            legend { "Scopes" }
            @if presets {
                p.presets {
                    span.muted.small { "Presets:" }
                    @for preset in &PRESETS {
                        a.chip href={ (PATH) "/new?preset=" (preset.word) }
                            data-scopes=(preset.scopes(by)) { (preset.name) }
                    }
                }
            }
            @if grants != ScopeSet::all() {
                p.help { "A " (by.role) " can't grant the scopes whose boxes are greyed out: ask an admin." }
            }
            div.scope-groups {
                @for (resource, title) in RESOURCES {
                    div.scope-group role="group" aria-label=(title) {
                        p.scope-title { (title) }
                        @for scope in Scope::ALL.iter().filter(|own| resource_of(**own) == resource) {
                            label.check {
                                input type="checkbox" name="scope" value=(scope.name())
                                    checked[ticked.iter().any(|own| own == scope.name())]
                                    disabled[!grants.contains(*scope)];
                                span {
                                    code { (scope.name()) }
                                    span.muted.small { (scope.summary()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

const RESOURCES: [(&str, &str); 5] = [
    ("shield", "Shield"),
    ("audit", "Audit log"),
    ("fleet", "Gateway fleet"),
    ("policy", "Policies"),
    ("org", "Organization"),
];

fn resource_of(scope: Scope) -> &'static str {
    scope.name().split(':').next().unwrap_or_default()
}

/// When it ends, as a list of spans and a day.
fn expiry(word: &str, on: &str, wrong: Option<&Wrong>) -> Markup {
    html! {
        div.row {
            div.field.grow {
                label for="expires" { "Expires" }
                select #expires name="expires" aria-invalid=[invalid(wrong, "expires")]
                    aria-describedby=[described(wrong, "expires", None)] {
                    @for (own, text, _) in LIVES {
                        option value=(own) selected[own == word] { "In " (text) }
                    }
                    option value="on" selected[word == "on"] { "On a day…" }
                    option value="never" selected[word == "never"] { "Never" }
                }
            }
            div.field.grow data-shown-with="expires=on" {
                label for="expires-on" { "Last day, if you choose one" }
                input #expires-on name="expires_on" type="date" value=(on)
                    aria-invalid=[invalid(wrong, "expires-on")]
                    aria-describedby=[described(wrong, "expires-on", None)];
            }
        }
    }
}
