use std::io::{self, BufWriter, Write};

use keyfob::{EventQuery, PageSize};
use serde_json::{Value, json};

use super::args::{Audit, Export};
use super::failure::Failure;
use super::output::{self, Format, or_dash};
use crate::app::App;
use crate::views::{EventView, NamedAction};

/// How many events are enough, when they are not exported.
const FEW: usize = 100;

pub(super) async fn run(app: &App, audit: Audit, format: Format) -> Result<(), Failure> {
    app.organization(&audit.organization).await?;
    let query = EventQuery {
        key: audit.key,
        actor: audit.actor.clone(),
        action: audit.action.clone().map(|NamedAction(action)| action),
        ..EventQuery::new(PageSize::MAX)
    };
    match audit.export {
        Some(Export::Jsonl) => export(app, &audit, query).await,
        None => print(app, &audit, query, format).await,
    }
}

/// Writes page after page, so that the length of the log does not matter.
async fn export(app: &App, audit: &Audit, mut query: EventQuery) -> Result<(), Failure> {
    let mut left = audit.limit.unwrap_or(usize::MAX);
    let mut out = BufWriter::new(io::stdout().lock());
    loop {
        let page = app.keys.events(&audit.organization, query.clone()).await?;
        for event in page.items.into_iter().take(left) {
            serde_json::to_writer(&mut out, &EventView::from(event)).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
            left -= 1;
        }
        query.after = page.next;
        if query.after.is_none() || left == 0 {
            out.flush()?;
            return Ok(());
        }
    }
}

async fn print(
    app: &App,
    audit: &Audit,
    mut query: EventQuery,
    format: Format,
) -> Result<(), Failure> {
    let limit = audit.limit.unwrap_or(FEW);
    let mut events = Vec::new();
    let more = loop {
        let page = app.keys.events(&audit.organization, query.clone()).await?;
        events.extend(page.items.into_iter().map(EventView::from));
        query.after = page.next;
        if query.after.is_none() || events.len() >= limit {
            break query.after.is_some() || events.len() > limit;
        }
    };
    events.truncate(limit);
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
