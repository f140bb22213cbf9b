use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::address;
use super::come_back::Again;
use super::elements::{badge, capital, name, time};
use super::errors::sentence;
use super::icons::{Icon, icon};
use super::layout::{self, Place, form_token};
use super::notice::{Wrong, notice, summary};
use super::signed_in::{SignedIn, require};
use super::submission::Submission;
use super::{Front, Site};
use crate::app::App;
use crate::db::Member;
use crate::error::ApiError;
use crate::membership::{LINK_LIVES, MemberError};
use crate::parameters::Parameters;
use crate::people::{Login, Role};
use crate::token::Token;

const PATH: &str = "/settings/members";

/// `GET /settings/members`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    again: Again,
) -> Result<Html<String>, ApiError> {
    let mut fields = again.fields.unwrap_or_default();
    let login = fields.text("login")?.unwrap_or_default();
    let role = fields.text("role")?.and_then(|role| role.parse().ok()).unwrap_or(Role::Member);
    page(&app, &by, &notice(again.done.as_deref()), &Draft { login: &login, role, is_wrong: false })
        .await
}

/// `POST /settings/members`: `login`, `role`
///
/// The new member gets a link to sign in with, which is in this answer only. Somebody who has a login
/// already is added by the operator: an owner must not get hold of another organization's people.
pub(super) async fn add(
    State(site): State<Site>,
    headers: HeaderMap,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let typed = fields.required("login")?;
    let role = fields.parsed::<Role>("role")?;
    fields.finish()?;
    manager(&by)?;
    let added = match typed.trim().to_ascii_lowercase().parse::<Login>() {
        Ok(login) => {
            let organization = by.organization_id();
            site.app.add_new_member(&site.passwords, organization, login, role, by.author()).await
        }
        Err(error) => Err(MemberError::Invalid(error)),
    };
    let draft = Draft { login: &typed, role, is_wrong: false };
    match added {
        Ok((login, token)) => hand_over(&site, &headers, &by, &login, &token).await,
        Err(error) => refused(&site.app, &by, error, &draft).await,
    }
}

/// `POST /settings/members/link`: `login`
pub(super) async fn link(
    State(site): State<Site>,
    headers: HeaderMap,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let login = fields.parsed::<Login>("login")?;
    fields.finish()?;
    manager(&by)?;
    match site.app.link_of_own_member(by.organization_id(), &login, by.author()).await {
        Ok(token) => hand_over(&site, &headers, &by, &login, &token).await,
        Err(error) => refused(&site.app, &by, error, &Draft::EMPTY).await,
    }
}

/// `POST /settings/members/role`: `login`, `role`
pub(super) async fn set_role(
    State(app): State<App>,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let login = fields.parsed::<Login>("login")?;
    let role = fields.parsed::<Role>("role")?;
    fields.finish()?;
    manager(&by)?;
    let changed = app.change_member(by.organization_id(), &login, Some(role), by.author()).await;
    changed_to(&app, &by, changed, "role").await
}

/// `GET /settings/members/remove`, with `login`
pub(super) async fn confirm_removal(
    State(app): State<App>,
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    let login: Option<Login> = parameters.take("login")?;
    manager(&by)?;
    let members = app.db.members(by.organization_id()).await?;
    let member = members.iter().find(|member| Some(&member.login) == login.as_ref());
    let member = member.ok_or_else(|| ApiError::not_found("there is no such member"))?;
    Ok(removal(&by, &member.login))
}

/// `POST /settings/members/remove`: `login`
pub(super) async fn remove(
    State(app): State<App>,
    Submission { by, mut fields }: Submission,
) -> Result<Response, ApiError> {
    let login = fields.parsed::<Login>("login")?;
    fields.finish()?;
    manager(&by)?;
    let removed = app.change_member(by.organization_id(), &login, None, by.author()).await;
    changed_to(&app, &by, removed, "removed").await
}

fn manager(by: &SignedIn) -> Result<(), ApiError> {
    require(by.role.manages_members(), "only an owner manages the members")
}

async fn changed_to(
    app: &App,
    by: &SignedIn,
    changed: Result<(), MemberError>,
    done: &str,
) -> Result<Response, ApiError> {
    match changed {
        Ok(()) => Ok(Redirect::to(&format!("{PATH}?done={done}")).into_response()),
        Err(error) => refused(app, by, error, &Draft::EMPTY).await,
    }
}

/// What a person did wrong is told on the page; what failed is an error.
async fn refused(
    app: &App,
    by: &SignedIn,
    error: MemberError,
    draft: &Draft<'_>,
) -> Result<Response, ApiError> {
    match error {
        MemberError::Tables(error) => Err(error.into()),
        MemberError::Log(error) => Err(error.into()),
        MemberError::Password(error) => Err(error.into()),
        MemberError::Entropy(error) => Err(error.into()),
        wrong => {
            let text = sentence(&wrong.to_string());
            let told =
                html! { div data-address=(PATH) { (summary(Some(&Wrong::new("login", text)))) } };
            let draft = Draft { is_wrong: true, ..*draft };
            let page = page(app, by, &told, &draft).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
    }
}

async fn hand_over(
    Site { app, front, .. }: &Site,
    headers: &HeaderMap,
    by: &SignedIn,
    login: &Login,
    token: &Token,
) -> Result<Response, ApiError> {
    let told = handed_over(login, &link_to(front, headers, token));
    let page = page(app, by, &told, &Draft::EMPTY).await?;
    Ok((StatusCode::CREATED, page).into_response())
}

fn link_to(front: &Front, headers: &HeaderMap, token: &Token) -> String {
    format!("{}{}", front.origin(headers).unwrap_or_default(), token.sign_in_path())
}

fn handed_over(login: &Login, link: &str) -> Markup {
    html! {
        div.card.stack data-shown-once data-address={ (PATH) "?done=link-shown" } {
            div.notice.warn role="status" {
                (icon(Icon::Warning))
                p {
                    "Send this link to " strong { (login) } ". It signs them in once, within "
                    (LINK_LIVES.as_secs() / 3_600) " hours, and is not shown again."
                }
            }
            div.field {
                p.label #link-label { "Sign-in link" }
                div.copy {
                    code.copy-text #link tabindex="0" role="textbox" aria-readonly="true"
                        aria-labelledby="link-label" { (link) }
                    button type="button" data-copy="link" hidden aria-describedby="link-label" {
                        (icon(Icon::Copy)) span { "Copy" }
                    }
                }
            }
        }
    }
}

/// What was typed to add somebody.
struct Draft<'a> {
    login: &'a str,
    role: Role,
    is_wrong: bool,
}

impl Draft<'_> {
    const EMPTY: Draft<'static> = Draft { login: "", role: Role::Member, is_wrong: false };
}

async fn page(
    app: &App,
    by: &SignedIn,
    told: &Markup,
    draft: &Draft<'_>,
) -> Result<Html<String>, ApiError> {
    let members = app.db.members(by.organization_id()).await?;
    let manages = by.role.manages_members();
    let content = html! {
        (told)
        div.page-head {
            div {
                h1 { "Members" }
                p.muted { "Who sees these pages, and what they may do." }
            }
        }
        table.stacked.middle {
            caption.hidden { "Members, by login" }
            thead {
                tr {
                    th scope="col" { "Login" }
                    th scope="col" { "Role" }
                    th scope="col" { "Since" }
                    @if manages { th scope="col" { span.hidden { "What to do" } } }
                }
            }
            tbody { @for member in &members { (row(by, member, manages)) } }
        }
        @if manages { (add_form(by, draft)) }
    };
    Ok(layout::page(by, Place::Members, "Members", &content))
}

fn row(by: &SignedIn, member: &Member, manages: bool) -> Markup {
    html! {
        tr {
            th scope="row" {
                span.login { (member.login) }
                @if member.login == by.login { " " (badge("You", "notice")) }
            }
            td data-label="Role" {
                @if manages {
                    form.inline method="post" action={ (PATH) "/role" } {
                        (form_token(by))
                        input type="hidden" name="login" value=(member.login);
                        select name="role" aria-label={ "Role of " (member.login) } { (roles(member.role)) }
                        button.small { "Set" }
                    }
                } @else {
                    (capital(member.role.as_str()))
                }
            }
            td data-label="Since" { (time(member.joined_at, by.now)) }
            @if manages {
                td {
                    div.actions {
                        form method="post" action={ (PATH) "/link" } {
                            (form_token(by))
                            input type="hidden" name="login" value=(member.login);
                            button.small aria-label={ "Make a sign-in link for " (member.login) } { "Sign-in link" }
                        }
                        a.button.small.bad href=(removal_path(&member.login))
                            aria-label={ "Remove " (member.login) } { "Remove…" }
                    }
                }
            }
        }
    }
}

fn removal_path(login: &Login) -> String {
    address(&format!("{PATH}/remove"), &[("login", login.to_string())])
}

fn removal(by: &SignedIn, login: &Login) -> Html<String> {
    let content = html! {
        div.page-head {
            div {
                p.crumbs { a href=(PATH) { "Members" } }
                h1 { "Remove this member?" }
            }
        }
        div.card.narrow.stack {
            div.notice.bad {
                (icon(Icon::Warning))
                p {
                    strong { (login) } " sees nothing of " (name(by.organization.name.as_str()))
                    " any more, from their next request on."
                }
            }
            p { "Keys that they made go on working. Revoke those that they may have copied." }
            form method="post" action={ (PATH) "/remove" } {
                (form_token(by))
                input type="hidden" name="login" value=(login);
                div.actions {
                    button.bad.filled { "Remove member" }
                    a.button href=(PATH) { "Cancel" }
                }
            }
        }
    };
    layout::page(by, Place::Members, "Remove a member", &content)
}

fn add_form(by: &SignedIn, draft: &Draft<'_>) -> Markup {
    html! {
        section.card.narrow aria-labelledby="add" {
            h2 #add { "Add a member" }
            form.stack method="post" action=(PATH) {
                (form_token(by))
                div.row {
                    div.field.grow {
                        label for="login" { "Login" }
                        input #login name="login" value=(draft.login) required maxlength="64" autocomplete="off"
                            autocapitalize="none" spellcheck="false" placeholder="alice@example.com"
                            aria-invalid=[draft.is_wrong.then_some("true")]
                            aria-describedby=[draft.is_wrong.then_some("problem")];
                    }
                    div.field {
                        label for="role" { "Role" }
                        select #role name="role" { (roles(draft.role)) }
                    }
                }
                ul.muted.small.role-list {
                    @for role in Role::ALL {
                        li { strong { (capital(role.as_str())) } ": " (role.summary()) }
                    }
                }
                div.actions { button.primary { "Add member" } }
            }
        }
    }
}

fn roles(chosen: Role) -> Markup {
    html! {
        @for role in Role::ALL {
            option value=(role.as_str()) selected[role == chosen] { (capital(role.as_str())) }
        }
    }
}
