use keyfob::{
    Actor, Author, CreateKey, CreatedKey, Environment, Expiry, KeyQuery, KeyRecord, OrganizationId,
    PageSize, ScopeSet, Timestamp,
};
use serde_json::json;

use super::args::Keys;
use super::failure::{Exit, Failure};
use super::output::{self, Format, or_dash};
use crate::app::App;
use crate::takumo::Scope;
use crate::time::short;
use crate::views::KeyView;

pub(super) async fn run(app: &App, command: Keys, format: Format) -> Result<(), Failure> {
    let now = app.keys.now();
    match command {
        Keys::Create { organization, name, environment, scopes, expires_in } => {
            let scopes = ScopeSet::<Scope>::from_patterns(scopes.iter().map(String::as_str))
                .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
            let expiry = expires_in.map_or(Expiry::Never, |lifetime| Expiry::After(lifetime.0));
            let limit = app.organization(&organization).await?.plan.key_limit();
            let request =
                CreateKey::new(organization, name, environment, scopes).with_expiry(expiry);
            let created = app.keys.create(request, limit, operator()).await?;
            hand_over(&created, now, format)?;
        }
        Keys::List { organization, environment, limit } => {
            let keys = list(app, &organization, environment, limit).await?;
            print_list(&keys, now, format)?;
        }
        Keys::Show { organization, key } => {
            let key = app.keys.get(&organization, key).await?;
            print_one(&key, now, format)?;
        }
        Keys::Revoke { organization, key, reason } => {
            let key = app.keys.revoke(&organization, key, reason, operator()).await?;
            output::remark("revoked: running servers refuse it within seconds");
            print_one(&key, now, format)?;
        }
    }
    Ok(())
}

/// Who the audit log will name. Whoever can write the database file is trusted as such; which
/// person it was, the operating system's own log may know.
pub(super) fn operator() -> Author {
    Actor::new("cli").expect("a short word is an actor").into()
}

/// Prints the plaintext: alone, so that `export KEY=$(…)` works. It can't be printed again.
fn hand_over(created: &CreatedKey, now: Timestamp, format: Format) -> Result<(), Failure> {
    let (key, secret) = (KeyView::new(&created.key, now), created.api_key.expose_secret());
    let id = created.key.id;
    let printed = if format == Format::Json {
        output::print_json(&json!({ "key": key, "api_key": secret }))
    } else {
        output::remark(&format!("key {id} was made; it is shown this once:"));
        output::print(secret)
    };
    printed.map_err(|error| {
        let message = format!("the key could not be printed ({error}) and is lost: revoke {id}");
        Failure::new(Exit::Failure, message)
    })
}

/// Reads page after page, until there are no more or enough.
async fn list(
    app: &App,
    organization: &OrganizationId,
    environment: Option<Environment>,
    limit: Option<usize>,
) -> Result<Vec<KeyRecord>, Failure> {
    app.organization(organization).await?;
    let limit = limit.unwrap_or(usize::MAX);
    let mut query = KeyQuery { environment, ..KeyQuery::new(PageSize::MAX) };
    let mut keys = Vec::new();
    loop {
        let page = app.keys.list(organization, query.clone()).await?;
        keys.extend(page.items);
        query.after = page.next;
        if query.after.is_none() || keys.len() >= limit {
            keys.truncate(limit);
            return Ok(keys);
        }
    }
}

fn print_list(keys: &[KeyRecord], now: Timestamp, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let keys: Vec<_> = keys.iter().map(|key| KeyView::new(key, now)).collect();
        output::print_json(&json!({ "keys": keys }))?;
    } else {
        let headings = ["ID", "NAME", "KEY", "STATUS", "CREATED", "BY", "LAST USED", "SCOPES"];
        let rows: Vec<_> = keys.iter().map(|key| row(key, now)).collect();
        output::print_table(&headings, &rows)?;
    }
    Ok(())
}

fn row(key: &KeyRecord, now: Timestamp) -> Vec<String> {
    let last_used = key.secrets.iter().filter_map(|secret| secret.last_used_at).max();
    vec![
        key.id.to_string(),
        key.name.to_string(),
        or_dash(key.secrets.first().map(|secret| secret.hint.to_string())),
        key.status(now).as_str().into(),
        short(key.created_at),
        key.created_by.to_string(),
        or_dash(last_used.map(short)),
        key.scopes.to_string(),
    ]
}

fn print_one(key: &KeyRecord, now: Timestamp, format: Format) -> Result<(), Failure> {
    let view = KeyView::new(key, now);
    if format == Format::Json {
        output::print_json(&view)?;
        return Ok(());
    }
    let rows = [
        ("id", view.id),
        ("name", view.name),
        ("key", or_dash(view.hint)),
        ("environment", view.environment.into()),
        ("scopes", view.scopes.join(" ")),
        ("status", view.status.into()),
        ("created", format!("{} by {}", view.created_at, view.created_by)),
        ("expires", or_dash(view.expires_at)),
        ("revoked", or_dash(view.revoked_at)),
        ("last used", or_dash(view.last_used_at)),
    ];
    let lines: Vec<_> = rows.iter().map(|(what, value)| format!("{what:<12} {value}")).collect();
    output::print(&lines.join("\n"))?;
    Ok(())
}
