use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use keyfob::KeyName;
use maud::html;
use tower_sessions::Session;

use super::elements::{capital, digits, name};
use super::errors::sentence;
use super::key_list::PATH;
use super::layout::{self, Place, form_token};
use super::notice::{self, notice, problem};
use super::signed_in::{SignedIn, look_at, require};
use super::submission::Submission;
use crate::app::App;
use crate::db::OrganizationChange;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::takumo::Plan;

/// `GET /settings/organization`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    let done: Option<String> = parameters.take(notice::PARAMETER)?;
    page(&app, &by, done.as_deref(), None).await
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
            let wrong = sentence(&error.to_string());
            let page = page(&app, &by, None, Some(&wrong)).await?;
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
    };
    let change = OrganizationChange { name: Some(name), plan: Some(plan) };
    app.edit_organization(by.organization_id(), change, by.author()).await?;
    Ok(Redirect::to("/settings/organization?done=organization").into_response())
}

/// `POST /switch`: `organization`
pub(super) async fn switch(
    session: Session,
    Submission { by, mut fields }: Submission,
) -> Result<Redirect, ApiError> {
    let wanted = fields.required("organization")?;
    fields.finish()?;
    let own = by.memberships.iter().find(|own| own.organization.id.as_str() == wanted);
    // Another's is not found, as one that never was.
    let own = own.ok_or_else(|| ApiError::not_found("there is no such organization"))?;
    look_at(&session, &own.organization.id).await?;
    Ok(Redirect::to(&format!("{PATH}?done=switched")))
}

async fn page(
    app: &App,
    by: &SignedIn,
    done: Option<&str>,
    wrong: Option<&str>,
) -> Result<Html<String>, ApiError> {
    let used = app.keys.keys_in_use(by.organization_id()).await?;
    let organization = &by.organization;
    let content = html! {
        (notice(done))
        div.page-head { h1 { "Organization" } }
        section.card.narrow {
            (problem(wrong))
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
                        input #name name="name" value=(organization.name.as_str()) required maxlength="255";
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
