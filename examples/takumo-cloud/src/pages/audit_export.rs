//! The audit log as a file: CSV for spreadsheets, JSON Lines for programs.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use keyfob::{Event, FeedPosition, Page, PageSize};

use super::audit::{Names, names};
use super::audit_filter::{Chosen, Filter};
use super::csv;
use super::errors::sentence;
use super::signed_in::SignedIn;
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::views::EventView;

/// `GET /audit.csv`, with the filters of the page
pub(super) async fn csv(
    State(app): State<App>,
    by: SignedIn,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    download(app, by, parameters, Format::Csv).await
}

/// `GET /audit.jsonl`, with the filters of the page
pub(super) async fn json_lines(
    State(app): State<App>,
    by: SignedIn,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    download(app, by, parameters, Format::JsonLines).await
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Csv,
    JsonLines,
}

const HEADINGS: [&str; 8] =
    ["id", "at", "action", "actor", "key_id", "key_name", "request_id", "details"];

/// Answers page by page as the client reads, so a long log takes no more memory than a short one.
async fn download(
    app: App,
    by: SignedIn,
    mut parameters: Parameters,
    format: Format,
) -> Result<Response, ApiError> {
    let filter = Filter::read(&mut parameters)?;
    let chosen = filter
        .choose(&app, &by)
        .await?
        .map_err(|wrong| ApiError::bad_request(sentence(wrong.text())))?;
    let export = Export { app, by, chosen, format };
    // A failure of the first page is still a status.
    let first = export.page(None).await?;
    let start = Step { page: Some(first), head: format.head() };
    let lines = stream::try_unfold((export, start), |(export, step)| async move {
        let Some((text, next)) = export.text(step).await? else { return Ok(None) };
        Ok::<_, io::Error>(Some((Bytes::from(text), (export, next))))
    });
    let (content_type, file) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        Format::JsonLines => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
    };
    let headers = [(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, file)];
    Ok((headers, Body::from_stream(lines)).into_response())
}

struct Export {
    app: App,
    by: SignedIn,
    chosen: Chosen,
    format: Format,
}

/// The page that is written next. There is none after the last one.
struct Step {
    page: Option<Page<Event, FeedPosition>>,
    head: String,
}

impl Export {
    async fn page(
        &self,
        after: Option<FeedPosition>,
    ) -> Result<Page<Event, FeedPosition>, ApiError> {
        self.chosen.page(&self.app, self.by.organization_id(), PageSize::MAX, after).await
    }

    /// The text of this step, and the step after it. A failure breaks the connection off, so that a
    /// part of the log is not taken for all of it.
    async fn text(&self, step: Step) -> io::Result<Option<(String, Step)>> {
        let Some(page) = step.page else { return Ok(None) };
        let failed = |error: ApiError| io::Error::other(error.message().to_owned());
        let mut text = step.head;
        let names = names(&self.app, &self.by, &page.items).await.map_err(failed)?;
        for event in page.items {
            text += &self.format.line(event, &names);
        }
        let page = match page.next {
            Some(place) => {
                self.require_member().await?;
                Some(self.page(Some(place)).await.map_err(failed)?)
            }
            None => None,
        };
        Ok(Some((text, Step { page, head: String::new() })))
    }

    /// A long download does not outlive the membership.
    async fn require_member(&self) -> io::Result<()> {
        let standing = self.app.db.standing(&self.by.login).await.map_err(io::Error::other)?;
        let own = self.by.organization_id();
        let is_member = standing.is_some_and(|standing| {
            standing.memberships.iter().any(|membership| membership.organization.id == *own)
        });
        if is_member { Ok(()) } else { Err(io::Error::other("the person is no member any more")) }
    }
}

impl Format {
    fn head(self) -> String {
        match self {
            Self::Csv => csv::line(&HEADINGS),
            Self::JsonLines => String::new(),
        }
    }

    fn line(self, event: Event, names: &Names) -> String {
        let name = event.key.and_then(|id| names.get(&id)).map(ToString::to_string);
        let view = EventView::from(event);
        match self {
            Self::JsonLines => {
                let line = serde_json::to_string(&view);
                line.expect("an event is an object with names for keys") + "\n"
            }
            Self::Csv => {
                let details = serde_json::Value::Object(view.details).to_string();
                csv::line(&[
                    &view.id,
                    &view.at,
                    &view.action,
                    &view.actor,
                    view.key_id.as_deref().unwrap_or_default(),
                    name.as_deref().unwrap_or_default(),
                    view.request_id.as_deref().unwrap_or_default(),
                    &details,
                ])
            }
        }
    }
}
