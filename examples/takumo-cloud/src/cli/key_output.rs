use keyfob::{IssuedKey, KeyRecord, SecretRecord, Timestamp};
use serde_json::json;

use super::failure::{Exit, Failure};
use super::output::{self, Format, or_dash};
use crate::time::short;
use crate::views::KeyView;

/// Prints the plaintext: alone, so that `export KEY=$(…)` works. It can't be printed again.
pub(super) fn hand_over(
    issued: &IssuedKey,
    what: &str,
    now: Timestamp,
    format: Format,
) -> Result<(), Failure> {
    let (key, secret) = (KeyView::new(&issued.key, now), issued.api_key.expose_secret());
    let id = issued.key.id;
    let printed = if format == Format::Json {
        output::print_json(&json!({ "key": key, "api_key": secret }))
    } else {
        output::remark(&format!("{what}; it is shown this once:"));
        output::print(secret)
    };
    printed.map_err(|error| {
        let message =
            format!("the key could not be printed ({error}) and is lost: rotate or revoke {id}");
        Failure::new(Exit::Failure, message)
    })
}

pub(super) fn print_list(
    keys: &[KeyRecord],
    now: Timestamp,
    format: Format,
) -> Result<(), Failure> {
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

pub(super) fn print_one(key: &KeyRecord, now: Timestamp, format: Format) -> Result<(), Failure> {
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
    let mut lines: Vec<_> =
        rows.iter().map(|(what, value)| format!("{what:<12} {value}")).collect();
    if let [newest, old] = &key.secrets[..] {
        lines.extend([secret("newest", key, newest), secret("old", key, old)]);
    }
    output::print(&lines.join("\n"))?;
    Ok(())
}

/// Whether the old one may go: whoever rotates wants to know if it is still in use.
fn secret(which: &str, key: &KeyRecord, secret: &SecretRecord) -> String {
    let retires = match key.old_secret_ends(secret) {
        Some(end) => format!(", retires {}", short(end)),
        None => String::new(),
    };
    let used = or_dash(secret.last_used_at.map(short));
    format!(
        "{which:<12} {} of {}, last used {used}{retires}",
        secret.hint,
        short(secret.created_at)
    )
}
