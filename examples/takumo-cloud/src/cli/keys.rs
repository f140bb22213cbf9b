use keyfob::{
    Actor, Author, CreateKey, Environment, Expiry, KeyEdit, KeyQuery, KeyRecord, OrganizationId,
    PageSize, ScopeSet, Timestamp,
};

use super::args::{Change, Create, Edit, Expires, Keys, Lifetime, List, Rotate, When};
use super::failure::{Exit, Failure};
use super::import;
use super::key_output::{hand_over, print_list, print_one};
use super::output::{self, Format};
use super::revoke;
use crate::app::App;
use crate::takumo::Scope;
use crate::time::short;

pub(super) async fn run(app: &App, command: Keys, format: Format) -> Result<(), Failure> {
    let changed = match command {
        Keys::Create(create) => return self::create(app, create, format).await,
        Keys::Rotate(rotate) => return self::rotate(app, rotate, format).await,
        Keys::Import(import) => return import::run(app, import, format).await,
        Keys::List(List { organization, environment, limit }) => {
            let keys = list(app, &organization, environment, limit).await?;
            return print_list(&keys, app.keys.now(), format);
        }
        Keys::Show(key) => app.keys.get(&key.organization, key.id).await?,
        Keys::Retire(key) => {
            app.keys.retire_old_secret(&key.organization, key.id, operator()).await?
        }
        Keys::Disable(key) => {
            let disabled = app.keys.disable(&key.organization, key.id, operator()).await?;
            output::remark("disabled: running servers refuse it within seconds");
            disabled
        }
        Keys::Enable(key) => app.keys.enable(&key.organization, key.id, operator()).await?,
        Keys::Edit(Edit { key, change }) => {
            let limit = app.organization(&key.organization).await?.plan.key_limit();
            let edit = edit(change, app.keys.now())?;
            app.keys.edit(&key.organization, key.id, edit, limit, operator()).await?
        }
        Keys::Revoke(revoke) => return revoke::run(app, revoke, format).await,
    };
    print_one(&changed, app.keys.now(), format)
}

/// Who the audit log will name. Whoever can write the database file is trusted as such; which
/// person it was, the operating system's own log may know.
pub(super) fn operator() -> Author {
    Actor::new("cli").expect("a short word is an actor").into()
}

async fn create(app: &App, create: Create, format: Format) -> Result<(), Failure> {
    let Create { organization, name, environment, scopes, expires } = create;
    let scopes = self::scopes(&scopes)?;
    let Expires { expires_in, expires_at } = expires;
    let expiry = match (expires_in, expires_at) {
        (Some(Lifetime(life)), _) => Expiry::After(life),
        (None, Some(When(at))) => Expiry::At(at),
        (None, None) => Expiry::Never,
    };
    let limit = app.organization(&organization).await?.plan.key_limit();
    let request = CreateKey::new(organization, name, environment, scopes).with_expiry(expiry);
    let created = app.keys.create(request, limit, operator()).await?;
    let what = format!("key {} was made", created.key.id);
    hand_over(&created, &what, app.keys.now(), format)
}

async fn rotate(app: &App, rotate: Rotate, format: Format) -> Result<(), Failure> {
    let Rotate { key, overlap } = rotate;
    let rotated = app.keys.rotate(&key.organization, key.id, overlap.0, operator()).await?;
    let old_ends = rotated.key.secrets.get(1).and_then(|old| old.retires_at);
    let what = match old_ends.filter(|_| !overlap.0.is_zero()) {
        Some(end) => {
            format!("key {} has a new secret; the old one works until {}", key.id, short(end))
        }
        None => format!("key {} has a new secret; the old one is refused", key.id),
    };
    hand_over(&rotated, &what, app.keys.now(), format)
}

fn edit(change: Change, now: Timestamp) -> Result<KeyEdit, Failure> {
    let Change { name, scopes, expires_in, expires_at, never_expires } = change;
    let scopes = if scopes.is_empty() { None } else { Some(self::scopes(&scopes)?.into()) };
    let expires_at = match (expires_in, expires_at) {
        (Some(Lifetime(life)), _) => Some(Some(now.saturating_add(life))),
        (None, Some(When(at))) => Some(Some(at)),
        (None, None) => never_expires.then_some(None),
    };
    Ok(KeyEdit { name, scopes, expires_at })
}

fn scopes(patterns: &[String]) -> Result<ScopeSet<Scope>, Failure> {
    ScopeSet::from_patterns(patterns.iter().map(String::as_str))
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))
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
