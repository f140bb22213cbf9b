use keyfob::{EventQuery, PageSize};
use serde_json::{Value, json};

use super::args::Audit;
use super::failure::Failure;
use super::output::{self, Format, or_dash};
use crate::app::App;
use crate::views::EventView;

pub(super) async fn run(app: &App, audit: Audit, format: Format) -> Result<(), Failure> {
    app.organization(&audit.organization).await?;
    let mut query = EventQuery::new(PageSize::MAX);
    let mut events = Vec::new();
    let more = loop {
        let page = app.keys.events(&audit.organization, query.clone()).await?;
        events.extend(page.items.into_iter().map(EventView::from));
        query.after = page.next;
        if query.after.is_none() || events.len() >= audit.limit {
            break query.after.is_some() || events.len() > audit.limit;
        }
    };
    events.truncate(audit.limit);
    if format == Format::Json {
        output::print_json(&json!({ "events": events }))?;
    } else {
        let headings = ["AT", "ACTION", "ACTOR", "KEY", "DETAILS"];
        let rows: Vec<_> = events.into_iter().map(row).collect();
        output::print_table(&headings, &rows)?;
    }
    if more {
        output::remark("there are older events: see --limit");
    }
    Ok(())
}

fn row(event: EventView) -> Vec<String> {
    let details = Value::Object(event.details).to_string();
    vec![event.at, event.action, event.actor, or_dash(event.key_id), details]
}
