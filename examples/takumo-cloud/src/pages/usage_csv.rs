use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderName, header};
use keyfob::KeyUsage;

use super::csv;
use super::signed_in::SignedIn;
use super::usage_range::{Figures, Window};
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::time::rfc3339;

const HEADINGS: [&str; 6] = ["start", "key_id", "key_name", "environment", "outcome", "requests"];

/// `GET /usage.csv`, with `range`: the figures of the page, a line for each that is not zero
pub(super) async fn download(
    State(app): State<App>,
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<([(HeaderName, String); 2], String), ApiError> {
    let window: Window = parameters.take("range")?.unwrap_or_default();
    let figures = Figures::read(&app, &by, window).await?;
    let keys: BTreeMap<_, &KeyUsage> =
        figures.report.keys.iter().map(|key| (key.id, key)).collect();
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for row in &figures.rows {
        let count = counts.entry((figures.bucket_of(row), row.key, row.outcome)).or_default();
        *count = count.saturating_add(row.count);
    }
    let mut text = csv::line(&HEADINGS);
    for ((start, id, outcome), count) in counts {
        let (name, environment) = match keys.get(&id) {
            Some(key) => (key.name.as_str(), key.environment.as_str()),
            None => ("", ""),
        };
        let (start, id, count) = (rfc3339(start), id.to_string(), count.to_string());
        text += &csv::line(&[&start, &id, name, environment, outcome.as_str(), &count]);
    }
    let file = format!("attachment; filename=\"usage-{}.csv\"", window.as_str());
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, file),
    ];
    Ok((headers, text))
}
