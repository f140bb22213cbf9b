use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use tower_sessions::Session;

use super::notice::problem;
use super::signed_in::{By, begin};
use super::submission::Fields;
use super::{key_list, layout};
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::token;

/// `GET /sign-in/link?token=…`
///
/// It asks first: a program that looks at links before a person does must not use it up. The token
/// is in the query, which no log of this server has.
pub(super) async fn show(mut parameters: Parameters) -> Result<Html<String>, ApiError> {
    let token: Option<String> = parameters.take("token")?;
    let token = token.ok_or_else(|| ApiError::bad_request("this link is cut short"))?;
    Ok(Html(page(&token).into_string()))
}

/// `POST /sign-in/link`: `token`
pub(super) async fn submit(
    State(app): State<App>,
    session: Session,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let token = fields.required("token")?;
    fields.finish()?;
    let login = app.db.use_sign_in_link(token::hash(&token), app.keys.now()).await?;
    let Some(login) = login else {
        return Ok((StatusCode::UNAUTHORIZED, Html(used_up().into_string())).into_response());
    };
    let person = app.db.person(&login).await?;
    let person = person.ok_or_else(|| ApiError::forbidden("there is no such person any more"))?;
    begin(&session, &app, &person, By::Link).await?;
    Ok(Redirect::to(&format!("{}?done=signed-in", key_list::PATH)).into_response())
}

fn page(token: &str) -> Markup {
    let content = html! {
        div.card.stack {
            h1 { "Sign in" }
            p { "This link signs you in once. It is used up as soon as you go on." }
            form method="post" action="/sign-in/link" {
                input type="hidden" name="token" value=(token);
                button.primary autofocus { "Sign in" }
            }
        }
    };
    layout::alone("Sign in", &content)
}

fn used_up() -> Markup {
    let content = html! {
        div.card.stack {
            h1 { "Sign in" }
            (problem(Some("This link has been used, or is too old.")))
            p { a.button href="/sign-in" { "Sign in with a password" } }
        }
    };
    layout::alone("Sign in", &content)
}
