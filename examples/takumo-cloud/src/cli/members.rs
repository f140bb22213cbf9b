use keyfob::{Author, OrganizationId};
use serde_json::json;

use super::args::Members;
use super::failure::{Exit, Failure};
use super::keys::operator;
use super::output::{self, Format};
use crate::app::App;
use crate::db::Member;
use crate::membership::MemberError;
use crate::passwords::{NewPassword, Passwords};
use crate::people::{Login, Role};
use crate::time;

pub(super) async fn run(app: &App, command: Members, format: Format) -> Result<(), Failure> {
    match command {
        Members::Add { login, organization, role, url } => {
            app.organization(&organization).await?;
            add(app, &organization, login, role, &url).await
        }
        Members::List { organization } => {
            app.organization(&organization).await?;
            print_list(&app.db.members(&organization).await?, format)
        }
        Members::SetRole { login, organization, role } => {
            change(app, &organization, &login, Some(role)).await
        }
        Members::Remove { login, organization } => change(app, &organization, &login, None).await,
        Members::Link { login, url } => hand_over_link(app, &login, &url).await,
        Members::ResetPassword { login } => reset_password(app, &login).await,
    }
}

/// Somebody who has a login keeps it, and their password.
async fn add(
    app: &App,
    organization: &OrganizationId,
    login: Login,
    role: Role,
    url: &str,
) -> Result<(), Failure> {
    let by: Author = operator();
    match app.add_new_member(&Passwords::new(), organization, login.clone(), role, by.clone()).await
    {
        Ok((_, token)) => {
            output::remark("added; this link signs them in once, within 24 hours:");
            Ok(output::print(&format!("{url}{}", token.sign_in_path()))?)
        }
        Err(MemberError::HasLogin) => {
            app.add_member(organization, &login, role, by).await?;
            output::remark("added; they sign in as before");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

async fn change(
    app: &App,
    organization: &OrganizationId,
    login: &Login,
    to: Option<Role>,
) -> Result<(), Failure> {
    app.change_member(organization, login, to, operator()).await?;
    output::remark(match to {
        Some(_) => "changed: it holds from their next request on",
        None => "removed: they see nothing of the organization any more. Their keys go on working",
    });
    Ok(())
}

async fn hand_over_link(app: &App, login: &Login, url: &str) -> Result<(), Failure> {
    let token = app.link(login).await?;
    output::remark("this link signs them in once, within 24 hours:");
    Ok(output::print(&format!("{url}{}", token.sign_in_path()))?)
}

async fn reset_password(app: &App, login: &Login) -> Result<(), Failure> {
    let password = NewPassword::random().map_err(MemberError::from)?;
    let hash = Passwords::new().hash(password.expose().to_owned()).await;
    if !app.db.set_password(login, hash.map_err(MemberError::from)?).await? {
        return Err(MemberError::NotFound.into());
    }
    output::remark("their sessions have ended; the new password is shown this once:");
    Ok(output::print(password.expose())?)
}

fn print_list(members: &[Member], format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let members: Vec<_> = members
            .iter()
            .map(|member| {
                json!({
                    "login": member.login.as_str(),
                    "role": member.role.as_str(),
                    "joined_at": time::rfc3339(member.joined_at),
                })
            })
            .collect();
        output::print_json(&json!({ "members": members }))?;
    } else {
        let row = |member: &Member| {
            vec![member.login.to_string(), member.role.to_string(), time::short(member.joined_at)]
        };
        let rows: Vec<_> = members.iter().map(row).collect();
        output::print_table(&["LOGIN", "ROLE", "SINCE"], &rows)?;
    }
    Ok(())
}

impl From<MemberError> for Failure {
    fn from(error: MemberError) -> Self {
        let exit = match &error {
            MemberError::Invalid(_) => Exit::Usage,
            MemberError::NotFound => Exit::NotFound,
            MemberError::IsMember
            | MemberError::HasLogin
            | MemberError::LastOwner
            | MemberError::NotOwn => Exit::Conflict,
            MemberError::Tables(_)
            | MemberError::Log(_)
            | MemberError::Password(_)
            | MemberError::Entropy(_) => Exit::Failure,
        };
        Self::of(exit, &error)
    }
}
