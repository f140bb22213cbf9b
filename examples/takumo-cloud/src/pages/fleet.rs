use axum::extract::State;
use axum::response::Html;
use keyfob::{Environment, NodeStatus, PageSize};
use maud::{Markup, html};

use super::elements::{badge, counted, environment, name, span, time};
use super::layout::{self, Place};
use super::signed_in::SignedIn;
use crate::app::App;
use crate::db::Gateway;
use crate::error::ApiError;

/// `GET /fleet`
pub(super) async fn show(State(app): State<App>, by: SignedIn) -> Result<Html<String>, ApiError> {
    let mut nodes = app.keys.nodes().await?;
    let own = app.keys.health();
    nodes.sort_by_key(|node| (node.gone, node.report.started_at));
    let mut gateways = Vec::new();
    for environment in Environment::ALL {
        let page = app.db.gateways(by.tenant(environment), PageSize::MAX, None).await?;
        gateways.extend(page.items.into_iter().map(|gateway| (environment, gateway)));
    }
    let content = html! {
        div.page-head {
            div {
                h1 { "Fleet" }
                p.muted { "The servers that verify keys. What is revoked is refused by each of them within its bound. Another server is known by its last report." }
            }
        }
        section aria-labelledby="nodes" {
            h2 #nodes { "Servers" }
            table.stacked {
                thead {
                    tr {
                        th scope="col" { "Server" }
                        th scope="col" { "State" }
                        th scope="col" { "Lag" }
                        th scope="col" { "Staleness" }
                        th scope="col" { "Bound" }
                        th scope="col" { "Started" }
                        th scope="col" { "Last report" }
                    }
                }
                tbody {
                    @for node in &nodes {
                        tr {
                            th scope="row" {
                                (name(node.report.name.as_str()))
                                @if own.node == Some(node.report.id) { " " (badge("This one", "notice")) }
                            }
                            td data-label="State" { (if node.gone { badge("Gone", "bad") } else { badge("Live", "good") }) }
                            (progress(node, &own))
                            td data-label="Bound" { (span(node.report.staleness_bound)) }
                            td data-label="Started" { (time(node.report.started_at, by.now)) }
                            td data-label="Last report" { (time(node.report.reported_at, by.now)) }
                        }
                    }
                }
            }
        }
        section aria-labelledby="gateways" {
            h2 #gateways { "Registered gateways" }
            (registered(&gateways, &by))
        }
    };
    Ok(layout::page(&by, Place::Fleet, "Fleet", &content))
}

/// How far it is behind, and how old at most what it knows is: of this server by its own word now,
/// of another by its last report.
fn progress(node: &NodeStatus, own: &keyfob::Health) -> Markup {
    let answers = own.node == Some(node.report.id);
    let lag = if answers { own.lag } else { Some(node.lag) };
    let staleness = own.staleness.filter(|_| answers).unwrap_or(node.silence);
    html! {
        td data-label="Lag" {
            @match lag {
                Some(lag) => (counted(lag, "position")),
                None => span.muted { "unknown" },
            }
        }
        td data-label="Staleness" { @if !answers { "at most " } (span(staleness)) }
    }
}

fn registered(gateways: &[(Environment, Gateway)], by: &SignedIn) -> Markup {
    html! {
        @if gateways.is_empty() {
            p.muted {
                "None yet. A program registers its gateway by "
                code { "POST /v1/fleet/gateways" } ", with a key that has " code { "fleet:write" } "."
            }
        } @else {
            table.stacked {
                thead {
                    tr {
                        th scope="col" { "Gateway" }
                        th scope="col" { "Environment" }
                        th scope="col" { "Region" }
                        th scope="col" { "Registered" }
                    }
                }
                tbody {
                    @for (own, gateway) in gateways {
                        tr {
                            th scope="row" { (name(&gateway.name)) }
                            td data-label="Environment" { (environment(*own)) }
                            td data-label="Region" { (name(gateway.region.as_deref().unwrap_or("–"))) }
                            td data-label="Registered" { (time(gateway.registered_at, by.now)) }
                        }
                    }
                }
            }
        }
    }
}
