use axum::Json;
use axum::extract::State;
use keyfob::EventQuery;
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::cursor::{self, List};
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::views::{EventView, NamedAction};

#[derive(Serialize)]
pub(super) struct EventsJson {
    events: Vec<EventView>,
    next_cursor: Option<String>,
}

/// `GET /v1/audit/events`, with `limit`, `cursor`, `key`, `actor` and `action`
///
/// The log is the organization's, of both environments.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<EventsJson>, ApiError> {
    let tenant = caller.tenant();
    let mut query = EventQuery::new(parameters.page_size()?);
    query.after = parameters.cursor(List::Events, &tenant)?;
    query.key = parameters.take("key")?;
    query.actor = parameters.take("actor")?;
    query.action = parameters.take::<NamedAction>("action")?.map(|NamedAction(action)| action);
    parameters.finish()?;

    let page = app.keys.events(&tenant.organization, query).await?;
    Ok(Json(EventsJson {
        events: page.items.into_iter().map(EventView::from).collect(),
        next_cursor: page.next.map(|place| cursor::encode(List::Events, &tenant, &place)),
    }))
}
