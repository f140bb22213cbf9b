use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use keyfob::KeyName;
use maud::{Markup, html};
use tower_sessions::Session;

use super::come_back::Again;
use super::elements::{capital, digits, name};
use super::errors::sentence;
use super::key_list::PATH;
use super::layout::{self, Place, form_token};
use super::notice::{Wrong, described, invalid, notice, summary};
use super::signed_in::{SignedIn, look_at, require};
use super::submission::Submission;
use crate::app::App;
use crate::db::OrganizationChange;
use crate::error::ApiError;
use crate::takumo::Plan;

/// `GET /settings/organization`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    again: Again,
) -> Result<Html<String>, ApiError> {
    let mut fields = again.fields.unwrap_or_default();
    let typed = fields.text("name")?;
    let name = typed.as_deref().unwrap_or(by.organization.name.as_str());
    page(&app, &by, &notice(again.done.as_deref()), name, None).await
}

/// `POST /settings/organization`: `name`, `plan`
pub(super) async fn edit(
    State(app): State<App>,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let typed = fields.text("name")?.unwrap_or_default();
    let plan = fields.parsed::<Plan>("plan")?;
    fields.finish()?;
    require(by.role.edits_organization(), "only an admin changes the organization")?;
    let name = match KeyName::new(&typed) {
        Ok(name) => name,
        Err(error) => {
            let wrong = Wrong::new("name", sentence(&error.to_string()));
            let page = page(&app, &by, &html! {}, &typed, Some(&wrong)).await?;
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
    };
    let change = OrganizationChange { name: Some(name), plan: Some(plan) };
    app.edit_organization(by.organization_id(), change, by.author()).await?;
    Ok(Redirect::to("/settings/organization?done=organization").into_response())
}

/// `POST /switch`: `organization`
pub(super) async fn switch(
    State(app): State<App>,
    session: Session,
    Submission { by, mut fields }: Submission,
) -> Result<Redirect, ApiError> {
    let wanted = fields.required("organization")?;
    fields.finish()?;
    let own = by.memberships.iter().find(|own| own.organization.id.as_str() == wanted);
    // Another's is not found, as one that never was.
    let own = own.ok_or_else(|| ApiError::not_found("there is no such organization"))?;
    look_at(&session, &app, &own.organization.id).await?;
    Ok(Redirect::to(&format!("{PATH}?done=switched")))
}

async fn page(
    app: &App,
    by: &SignedIn,
    told: &Markup,
    typed: &str,
    wrong: Option<&Wrong>,
) -> Result<Html<String>, ApiError> {
    let used = app.keys.keys_in_use(by.organization_id()).await?;
    let organization = &by.organization;
    let content = html! {
        (told)
        div.page-head { h1 { "Organization" } }
        section.card.narrow data-address="/settings/organization" {
            (summary(wrong))
            dl.properties {
                div { dt { "Id" } dd { code { (organization.id) } } }
                div { dt { "Plan" } dd { (capital(organization.plan.as_str())) } }
                div { dt { "Keys" } dd { (digits(used)) " of " (organization.plan.key_limit()) } }
            }
            @if by.role.edits_organization() {
                form.stack method="post" action="/settings/organization" {
                    (form_token(by))
                    div.field {
                        label for="name" { "Name" }
                        input #name name="name" value=(typed) required maxlength="255"
                            aria-invalid=[invalid(wrong, "name")] aria-describedby=[described(wrong, "name", None)];
                    }
                    div.field {
                        label for="plan" { "Plan" }
                        select #plan name="plan" {
                            @for plan in Plan::ALL {
                                option value=(plan.as_str()) selected[plan == organization.plan] {
                                    (capital(plan.as_str())) ": " (plan.key_limit()) " keys"
                                }
                            }
                        }
                        p.help { "Keys beyond a smaller plan go on working; no more can be made." }
                    }
                    div.actions { button.primary { "Save" } }
                }
            } @else {
                p.muted { "An admin or an owner can change the name and plan of " (name(organization.name.as_str())) "." }
            }
        }
    };
    Ok(layout::page(by, Place::Organization, "Organization", &content))
}
