use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use tower_sessions::Session;

use super::notice::{self, notice, problem};
use super::signed_in::{By, begin, is_signed_in};
use super::submission::{Fields, Submission};
use super::{Site, key_list, layout};
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::passwords::PasswordError;
use crate::people::Login;

/// `GET /sign-in`
pub(super) async fn show(
    session: Session,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let done: Option<String> = parameters.take(notice::PARAMETER)?;
    if is_signed_in(&session).await {
        return Ok(Redirect::to(key_list::PATH).into_response());
    }
    Ok(Html(page(None, done.as_deref(), "").into_string()).into_response())
}

/// `POST /sign-in`: `login`, `password`
///
/// The answer is the same, and takes as long, whether it is the login or the password that is wrong.
pub(super) async fn submit(
    State(site): State<Site>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    session: Session,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let login = fields.required("login")?;
    let password = fields.required("password")?;
    fields.finish()?;

    let client = site.front.client(peer, &headers);
    let login = login.trim().to_ascii_lowercase();
    if !site.attempts.begin(&login, client, site.app.keys.now()) {
        let text = "There were too many attempts. Wait a quarter of an hour, and try again.";
        return Ok(again(StatusCode::TOO_MANY_REQUESTS, text, &login));
    }
    let person = match login.parse::<Login>() {
        Ok(login) => site.app.db.person(&login).await?,
        Err(_) => None,
    };
    let hash = person.as_ref().map(|person| person.password.clone());
    let good = site.passwords.verify(password, hash).await?;
    let Some(person) = person.filter(|_| good) else {
        tracing::info!(%client, "somebody could not sign in");
        return Ok(again(StatusCode::UNAUTHORIZED, "Login or password is wrong.", &login));
    };
    site.attempts.succeeded(&login, client);
    begin(&session, &site.app, &person, By::Password).await?;
    Ok(Redirect::to(key_list::PATH).into_response())
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    session: Session,
    Submission { fields, .. }: Submission,
) -> Result<Redirect, ApiError> {
    fields.finish()?;
    session.flush().await?;
    Ok(Redirect::to("/sign-in?done=signed-out"))
}

fn again(status: StatusCode, text: &str, login: &str) -> Response {
    (status, Html(page(Some(text), None, login).into_string())).into_response()
}

fn page(wrong: Option<&str>, done: Option<&str>, login: &str) -> Markup {
    let content = html! {
        div.card.stack {
            h1 { "Sign in" }
            (notice(done))
            (problem(wrong))
            form.stack method="post" action="/sign-in" {
                div.field {
                    label for="login" { "Login" }
                    input #login name="login" value=(login) required autocomplete="username"
                        autocapitalize="none" spellcheck="false" autofocus[login.is_empty()];
                }
                div.field {
                    label for="password" { "Password" }
                    input #password name="password" type="password" required
                        autocomplete="current-password" autofocus[!login.is_empty()];
                }
                button.primary { "Sign in" }
            }
        }
        p.muted.small.centered {
            "Forgotten? Who runs this server makes a new link: "
            code.nowrap { "takumo-cloud members link LOGIN" }
        }
    };
    layout::alone("Sign in", &content)
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        Self::failure(&error, error == PasswordError::Busy)
    }
}
