use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::html;
use tower_sessions::Session;

use super::Site;
use super::errors::sentence;
use super::layout::{self, Place, form_token};
use super::notice::{self, notice, problem};
use super::signed_in::{self, SignedIn};
use super::submission::Submission;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::passwords::NewPassword;

/// `GET /settings/password`
pub(super) async fn show(
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    let done: Option<String> = parameters.take(notice::PARAMETER)?;
    Ok(page(&by, done.as_deref(), None))
}

/// `POST /settings/password`: `current`, `password`, `again`
///
/// The current one is asked for, so that an unlocked screen is not a way to an account; but not of
/// somebody whom a link has signed in a moment ago, who may have none. Every other session of the
/// person ends.
pub(super) async fn submit(
    State(site): State<Site>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    session: Session,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let current = fields.text("current")?.unwrap_or_default();
    let password = fields.text("password")?.unwrap_or_default();
    let again = fields.text("again")?.unwrap_or_default();
    fields.finish()?;
    let refused = |status, wrong: &str| Ok((status, page(&by, None, Some(wrong))).into_response());

    if !by.came_by_link {
        if !site.attempts.begin(by.login.as_str(), client.ip(), by.now) {
            let wrong = "There were too many attempts. Wait a quarter of an hour, and try again.";
            return refused(StatusCode::TOO_MANY_REQUESTS, wrong);
        }
        let hash = site.app.db.person(&by.login).await?.map(|person| person.password);
        if !site.passwords.verify(current, hash).await? {
            return refused(StatusCode::FORBIDDEN, "Your current password is another one.");
        }
        site.attempts.succeeded(by.login.as_str(), client.ip());
    }
    if password != again {
        return refused(StatusCode::BAD_REQUEST, "The new password is not the same twice.");
    }
    let password = match NewPassword::new(password) {
        Ok(password) => password,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &sentence(&error.to_string())),
    };
    let hash = site.passwords.hash(password.into_text()).await?;
    site.app.db.set_password(&by.login, hash).await?;
    let person = site.app.db.person(&by.login).await?;
    let person = person.ok_or_else(|| ApiError::forbidden("there is no such person any more"))?;
    let organization = by.organization_id();
    signed_in::begin(&session, &site.app, &person, signed_in::By::Password).await?;
    signed_in::look_at(&session, &site.app, organization).await?;
    Ok(Redirect::to("/settings/password?done=password").into_response())
}

fn page(by: &SignedIn, done: Option<&str>, wrong: Option<&str>) -> Html<String> {
    let content = html! {
        (notice(done))
        div.page-head { h1 { "Password" } }
        section.card.narrow {
            (problem(wrong))
            form.stack method="post" action="/settings/password" {
                (form_token(by))
                // Not sent: it tells a password manager whose password this is.
                input type="text" value=(by.login) autocomplete="username" hidden readonly;
                @if !by.came_by_link {
                    div.field {
                        label for="current" { "Current password" }
                        input #current name="current" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "problem")] type="password" required autocomplete="current-password";
                    }
                }
                div.field {
                    label for="password" { "New password" }
                    input #password name="password" type="password" required minlength="12"
                        maxlength="256" autocomplete="new-password" aria-describedby="password-help";
                    p.help #password-help { "At least 12 characters. Long is better than odd." }
                }
                div.field {
                    label for="again" { "New password, again" }
                    input #again name="again" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "problem")] type="password" required minlength="12"
                        maxlength="256" autocomplete="new-password";
                }
                div.actions { button.primary { "Change password" } }
            }
        }
    };
    layout::page(by, Place::Password, "Password", &content)
}
