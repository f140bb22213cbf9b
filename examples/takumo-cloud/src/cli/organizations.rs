use keyfob::KeyName;
use serde_json::json;

use super::args::{ChangeOrganization, Organizations};
use super::failure::{Exit, Failure};
use super::keys::operator;
use super::output::{self, Format};
use crate::app::App;
use crate::db::{Organization, OrganizationChange};
use crate::store::IfMissing;
use crate::time;

/// To make an organization is to begin: only then may the database be missing.
pub(super) fn if_missing(command: &Organizations) -> IfMissing {
    match command {
        Organizations::Create { .. } => IfMissing::Create,
        _ => IfMissing::Fail,
    }
}

pub(super) async fn run(app: &App, command: Organizations, format: Format) -> Result<(), Failure> {
    let organizations = match command {
        Organizations::Create { id, plan, name } => {
            let name = match name {
                Some(name) => name,
                None => KeyName::new(id.as_str())
                    .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?,
            };
            vec![app.create_organization(id, name, plan, operator()).await?]
        }
        Organizations::List => app.db.organizations().await?,
        Organizations::Edit { id, change: ChangeOrganization { name, plan } } => {
            let change = OrganizationChange { name, plan };
            vec![app.edit_organization(&id, change, operator()).await?]
        }
        Organizations::Delete { id, confirm } => {
            if confirm != id {
                return Err(Failure::new(Exit::Usage, "--confirm must be the same id"));
            }
            app.delete_organization(&id, operator()).await?;
            output::remark("deleted: running servers refuse its keys within seconds");
            return Ok(());
        }
    };
    if format == Format::Json {
        let organizations: Vec<_> = organizations.iter().map(view).collect();
        output::print_json(&json!({ "organizations": organizations }))?;
    } else {
        let rows: Vec<_> = organizations.iter().map(row).collect();
        output::print_table(&["ID", "NAME", "PLAN", "KEY LIMIT", "CREATED"], &rows)?;
    }
    Ok(())
}

fn view(organization: &Organization) -> serde_json::Value {
    json!({
        "id": organization.id.as_str(),
        "name": organization.name.as_str(),
        "plan": organization.plan.as_str(),
        "key_limit": crate::views::key_limit(organization.plan),
        "created_at": time::rfc3339(organization.created_at),
    })
}

fn row(organization: &Organization) -> Vec<String> {
    vec![
        organization.id.to_string(),
        organization.name.to_string(),
        organization.plan.to_string(),
        organization.plan.key_limit().to_string(),
        time::short(organization.created_at),
    ]
}
