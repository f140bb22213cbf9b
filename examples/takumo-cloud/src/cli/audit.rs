use std::io::{self, BufWriter, Write};

use keyfob::{Action, Event, EventQuery, FeedPosition, OrganizationId, Page, PageSize, StoreError};
use serde_json::{Value, json};

use super::args::{Audit, Export};
use super::failure::Failure;
use super::output::{self, Format, or_dash};
use crate::app::{App, OrganizationError};
use crate::views::{EventView, NamedAction};

/// How many events are enough, when they are not exported.
const FEW: usize = 100;

pub(super) async fn run(app: &App, audit: Audit, format: Format) -> Result<(), Failure> {
    let log = Log::open(app, audit.organization, audit.include_deleted).await?;
    let query = EventQuery {
        key: audit.key,
        actor: audit.actor,
        action: audit.action.map(|NamedAction(action)| action),
        ..EventQuery::new(PageSize::MAX)
    };
    match audit.export {
        Some(Export::Jsonl) => export(&log, query, audit.limit).await,
        None => print(&log, query, audit.limit, format).await,
    }
}

/// The log of an organization; or that of every one that ever had its id.
struct Log<'a> {
    app: &'a App,
    organization: OrganizationId,
    /// Of every one: the position of the last deletion. What was logged up to there is of
    /// organizations that are gone.
    deleted_until: Option<FeedPosition>,
}

impl<'a> Log<'a> {
    async fn open(
        app: &'a App,
        organization: OrganizationId,
        include_deleted: bool,
    ) -> Result<Self, Failure> {
        let there = app.organization(&organization).await;
        let deleted_until = include_deleted.then_some(FeedPosition::START);
        let mut log = Self { app, organization, deleted_until };
        if !include_deleted {
            there?;
            return Ok(log);
        }
        match there {
            // It was there once, unless the id is misspelt.
            Err(OrganizationError::NotFound) if log.newest(None).await?.is_some() => {}
            organization => drop(organization?),
        }
        let deletion = log.newest(Some(Action::ORGANIZATION_DELETED)).await?;
        log.deleted_until = deletion.map(|event| event.position).or(log.deleted_until);
        Ok(log)
    }

    async fn newest(&self, action: Option<Action>) -> Result<Option<Event>, StoreError> {
        let mut query = EventQuery { action, ..EventQuery::new(PageSize::MAX) };
        // A page may be empty and have a next one.
        loop {
            let page = self.page(query.clone()).await?;
            query.after = page.next;
            let newest = page.items.into_iter().next();
            if newest.is_some() || query.after.is_none() {
                return Ok(newest);
            }
        }
    }

    async fn page(&self, query: EventQuery) -> Result<Page<Event, FeedPosition>, StoreError> {
        let query = if self.deleted_until.is_some() { query.with_deleted() } else { query };
        self.app.keys.events(&self.organization, query).await
    }

    fn view(&self, event: Event) -> EventView {
        let deleted = self.deleted_until.map(|until| event.position <= until);
        EventView { deleted, ..event.into() }
    }
}

/// Writes page after page, so that the length of the log does not matter.
async fn export(log: &Log<'_>, mut query: EventQuery, limit: Option<usize>) -> Result<(), Failure> {
    let mut left = limit.unwrap_or(usize::MAX);
    let mut out = BufWriter::new(io::stdout().lock());
    loop {
        let page = log.page(query.clone()).await?;
        for event in page.items.into_iter().take(left) {
            serde_json::to_writer(&mut out, &log.view(event)).map_err(io::Error::from)?;
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
    log: &Log<'_>,
    mut query: EventQuery,
    limit: Option<usize>,
    format: Format,
) -> Result<(), Failure> {
    let limit = limit.unwrap_or(FEW);
    let mut events = Vec::new();
    let more = loop {
        let page = log.page(query.clone()).await?;
        events.extend(page.items.into_iter().map(|event| log.view(event)));
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
        match log.deleted_until {
            None => output::print_table(&headings, &rows)?,
            Some(_) => output::print_table(&[&["DELETED"], &headings[..]].concat(), &rows)?,
        }
    }
    if more {
        output::remark("there are older events: see --limit");
    }
    Ok(())
}

fn row(event: EventView) -> Vec<String> {
    let details = Value::Object(event.details).to_string();
    let deleted = event.deleted.map(|deleted| if deleted { "yes" } else { "no" }.to_owned());
    let rest = [event.at, event.action, event.actor, or_dash(event.key_id), details];
    deleted.into_iter().chain(rest).collect()
}
