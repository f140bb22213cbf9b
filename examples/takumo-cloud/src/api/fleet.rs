use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use keyfob::{Details, KeyName};
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;
use crate::cursor::{self, List};
use crate::db::{Gateway, NewGateway};
use crate::error::ApiError;
use crate::json::JsonObject;
use crate::node::NodeView;
use crate::parameters::Parameters;
use crate::time::rfc3339;

#[derive(Serialize)]
pub(super) struct FleetJson {
    /// The nodes that verify keys.
    nodes: Vec<NodeView>,
    /// The organization's own gateways.
    gateways: Vec<GatewayJson>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
pub(super) struct GatewayJson {
    id: String,
    name: String,
    region: Option<String>,
    registered_at: String,
    registered_by: String,
}

/// `GET /v1/fleet/gateways`, with `limit` and `cursor` for the gateways
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<FleetJson>, ApiError> {
    let tenant = caller.tenant();
    let size = parameters.page_size()?;
    let after = parameters.cursor(List::Gateways, &tenant)?;
    parameters.finish()?;

    let page = app.db.gateways(tenant.clone(), size, after).await?;
    let nodes = app.keys.nodes().await?;
    let own = app.keys.health();
    Ok(Json(FleetJson {
        nodes: nodes.into_iter().map(|node| NodeView::new(node, &own)).collect(),
        gateways: page.items.into_iter().map(GatewayJson::from).collect(),
        next_cursor: page.next.map(|place| cursor::encode(List::Gateways, &tenant, &place)),
    }))
}

/// `POST /v1/fleet/gateways` `{"name","region"?}`
pub(super) async fn register(
    State(app): State<App>,
    caller: Caller,
    mut fields: JsonObject,
) -> Result<(StatusCode, Json<GatewayJson>), ApiError> {
    // Both follow the same rule as a key's name.
    let name = fields.required_parsed::<KeyName>("name")?;
    let region = fields.parsed::<KeyName>("region")?;
    fields.finish()?;

    let gateway = NewGateway {
        name: name.to_string(),
        region: region.map(|region| region.to_string()),
        registered_at: app.keys.now(),
        registered_by: caller.actor().to_string(),
    };
    let tenant = caller.tenant();
    let Some(gateway) = app.db.add_gateway(tenant.clone(), gateway).await? else {
        return Err(ApiError::conflict("a gateway of this name is registered already"));
    };
    let details = Details::from_iter([
        ("id".into(), gateway.id.as_str().into()),
        ("name".into(), gateway.name.as_str().into()),
        ("environment".into(), tenant.environment.as_str().into()),
    ]);
    app.log(&tenant.organization, "gateway.registered", details, caller.author()).await?;
    Ok((StatusCode::CREATED, Json(gateway.into())))
}

impl From<Gateway> for GatewayJson {
    fn from(gateway: Gateway) -> Self {
        Self {
            id: gateway.id,
            name: gateway.name,
            region: gateway.region,
            registered_at: rfc3339(gateway.registered_at),
            registered_by: gateway.registered_by,
        }
    }
}
