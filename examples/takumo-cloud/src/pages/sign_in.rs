use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use tower_sessions::Session;

use super::come_back::{Kept, Next};
use super::notice::{self, notice, problem};
use super::signed_in::{By, begin, is_signed_in};
use super::submission::{Fields, Submission};
use super::{Site, key_list, layout};
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::passwords::PasswordError;
use crate::people::Login;

/// `GET /sign-in`, with `next`
pub(super) async fn show(
    session: Session,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let done: Option<String> = parameters.take(notice::PARAMETER)?;
    let next = parameters.take::<String>("next")?.and_then(|next| Next::read(&next));
    if is_signed_in(&session).await {
        let next = next.as_ref().map_or(key_list::PATH, Next::as_str);
        return Ok(Redirect::to(next).into_response());
    }
    let way = Way { next, kept: Kept::default() };
    Ok(Html(page(None, done.as_deref(), "", &way).into_string()).into_response())
}

/// `POST /sign-in`: `login`, `password`, `next`, `kept`
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
    let way = Way::read(&mut fields)?;
    fields.finish()?;

    let client = site.front.client(peer, &headers);
    let login = login.trim().to_ascii_lowercase();
    if !site.attempts.begin(&login, client, site.app.keys.now()) {
        let text = "There were too many attempts. Wait a quarter of an hour, and try again.";
        return Ok(again(StatusCode::TOO_MANY_REQUESTS, text, &login, &way));
    }
    let person = match login.parse::<Login>() {
        Ok(login) => site.app.db.person(&login).await?,
        Err(_) => None,
    };
    let hash = person.as_ref().map(|person| person.password.clone());
    let good = site.passwords.verify(password, hash).await?;
    let Some(person) = person.filter(|_| good) else {
        tracing::info!(%client, "somebody could not sign in");
        return Ok(again(StatusCode::UNAUTHORIZED, "Login or password is wrong.", &login, &way));
    };
    site.attempts.succeeded(&login, client);
    begin(&session, &site.app, &person, By::Password).await?;
    Ok(Redirect::to(&way.go_on(&session).await?).into_response())
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

/// Where a person goes after sign-in.
struct Way {
    next: Option<Next>,
    kept: Kept,
}

impl Way {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        let next = fields.given("next")?.and_then(|next| Next::read(&next));
        let kept = fields.given("kept")?.map(|kept| Kept::read(&kept)).unwrap_or_default();
        Ok(Self { next, kept })
    }

    /// The address to go to. The form that was kept waits there.
    async fn go_on(self, session: &Session) -> Result<String, ApiError> {
        let Some(next) = self.next else { return Ok(key_list::PATH.into()) };
        let address = next.as_str().to_owned();
        if !self.kept.is_empty() {
            self.kept.leave(session, &next).await?;
        }
        Ok(address)
    }
}

/// The page for somebody who sent a form after their session had ended.
pub(super) fn page_with_form(next: &Next, kept: &Kept) -> Html<String> {
    let next = Next::read(&next.with_notice());
    let way = Way { next, kept: kept.clone() };
    Html(page(None, Some("session-ended"), "", &way).into_string())
}

fn again(status: StatusCode, text: &str, login: &str, way: &Way) -> Response {
    (status, Html(page(Some(text), None, login, way).into_string())).into_response()
}

fn page(wrong: Option<&str>, done: Option<&str>, login: &str, way: &Way) -> Markup {
    let word = done.unwrap_or("sign-in");
    let address = way.next.as_ref().map_or_else(|| "/sign-in".into(), |next| next.sign_in(word));
    let content = html! {
        div.card.stack {
            h1 { "Sign in" }
            (notice(done))
            (problem(wrong))
            form.stack method="post" action="/sign-in" data-address=(address) {
                @if let Some(next) = &way.next {
                    input type="hidden" name="next" value=(next.as_str());
                }
                @if !way.kept.is_empty() {
                    input type="hidden" name="kept" value=(way.kept.to_text());
                }
                div.field {
                    label for="login" { "Login" }
                    input #login name="login" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "problem")] value=(login) required autocomplete="username"
                        autocapitalize="none" spellcheck="false" autofocus[login.is_empty()];
                }
                div.field {
                    label for="password" { "Password" }
                    input #password name="password" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "problem")] type="password" required
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
