use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyfob::{FoundKey, FoundState, KeyName, KeyStore, Timestamp};
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::cursor::{self, List};
use crate::db::{Finding, NewScan, Scan};
use crate::error::ApiError;
use crate::json::{self, JsonWithKeys};
use crate::parameters::Parameters;
use crate::scanner;
use crate::time::rfc3339;

#[derive(Serialize)]
pub(super) struct ScansJson {
    scans: Vec<ScanJson>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ScanJson {
    id: String,
    filename: Option<String>,
    bytes: u32,
    findings: Vec<Finding>,
    created_at: String,
    created_by: String,
}

/// `POST /v1/shield/scans` `{"content","filename"?}`
///
/// The content is looked at and forgotten: neither it nor a key in it is stored or logged.
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    JsonWithKeys(mut fields): JsonWithKeys,
) -> Result<(StatusCode, Json<ScanJson>), ApiError> {
    let content = fields.required::<String>("content")?;
    let filename = fields.parsed::<Filename>("filename")?;
    fields.finish()?;
    if filename.as_ref().is_some_and(|name| scanner::mentions_key(name.as_str())) {
        return Err(json::holds_key("the filename"));
    }

    let scan = NewScan {
        filename: filename.map(|name| name.to_string()),
        bytes: u32::try_from(content.len()).unwrap_or(u32::MAX),
        findings: find(&app, &caller, &content).await?,
        created_at: app.keys.now(),
        created_by: caller.actor().to_string(),
    };
    let scan = app.db.add_scan(caller.tenant(), scan).await?;
    Ok((StatusCode::CREATED, Json(scan.into())))
}

/// `GET /v1/shield/scans`, with `limit` and `cursor`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<ScansJson>, ApiError> {
    let tenant = caller.tenant();
    let size = parameters.page_size()?;
    let after = parameters.cursor(List::Scans, &tenant)?;
    parameters.finish()?;

    let page = app.db.scans(tenant.clone(), size, after).await?;
    Ok(Json(ScansJson {
        scans: page.items.into_iter().map(ScanJson::from).collect(),
        next_cursor: page.next.map(|place| cursor::encode(List::Scans, &tenant, &place)),
    }))
}

/// A file's name follows the same rule as a key's: a line of at most 255 characters.
type Filename = KeyName;

/// Finds the keys, and asks the store about all of them at once. A body has room for 910.
async fn find(app: &App, caller: &Caller, content: &str) -> Result<Vec<Finding>, ApiError> {
    let found: Vec<_> = scanner::find_keys(content).collect();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let hashes: Vec<_> = found.iter().map(|found| found.key.hash()).collect();
    let known = app.keys.store().find(&hashes).await?.keys;
    let now = app.keys.now();
    Ok(found
        .iter()
        .zip(known)
        .map(|(found, known)| Finding {
            start: found.range.start,
            end: found.range.end,
            hint: found.key.hint().to_string(),
            environment: found.key.environment().to_string(),
            // A damaged key would not be accepted now.
            live: matches!(known, Ok(Some(key)) if is_live(&key, caller, now)),
        })
        .collect())
}

/// Whether it is a key of the caller's own organization that would be accepted now. Of another's
/// nothing is said, so that a scan is no way to ask whether a stranger's key is good.
fn is_live(key: &FoundKey, caller: &Caller, now: Timestamp) -> bool {
    let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    key.organization == caller.principal.organization
        && key.state == FoundState::Active
        && !over(key.expires_at)
        && !over(key.retires_at)
}

impl From<Scan> for ScanJson {
    fn from(scan: Scan) -> Self {
        Self {
            id: scan.id,
            filename: scan.filename,
            bytes: scan.bytes,
            findings: scan.findings,
            created_at: rfc3339(scan.created_at),
            created_by: scan.created_by,
        }
    }
}
