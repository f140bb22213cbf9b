use axum::extract::State;
use axum::response::Html;
use keyfob::{KeyUsage, Outcome};
use maud::{Markup, html};

use super::charts::{Bar, chart};
use super::elements::{digits, environment, name};
use super::icons::{Icon, icon};
use super::key_list::PATH;
use super::layout::{self, Place};
use super::signed_in::SignedIn;
use super::usage_range::{Figures, Window};
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;

/// `GET /usage`, with `range`
pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    mut parameters: Parameters,
) -> Result<Html<String>, ApiError> {
    let window: Window = parameters.take("range")?.unwrap_or_default();
    let figures = Figures::read(&app, &by, window).await?;
    let bars: Vec<_> = figures
        .report
        .buckets
        .iter()
        .map(|bucket| Bar { start: bucket.start, tally: bucket.tally })
        .collect();
    let content = html! {
        div.page-head {
            div {
                h1 { "Usage" }
                p.muted { "Requests with the keys of " (name(by.organization.name.as_str())) ". Times are UTC." }
            }
            p.actions {
                a.button href={ "/usage.csv?range=" (window.as_str()) } { (icon(Icon::Download)) "CSV" }
            }
        }
        (windows(window))
        section.card {
            (chart(&format!("Requests {}, the last {}", window.unit(), window.name()), &bars, window.label()))
        }
        div.columns {
            section.card aria-labelledby="by-key" {
                h2 #by-key { "By key" }
                (by_key(&figures))
            }
            section.card aria-labelledby="by-outcome" {
                h2 #by-outcome { "By outcome" }
                (by_outcome(&figures))
            }
        }
    };
    Ok(layout::page(&by, Place::Usage, "Usage", &content))
}

fn windows(chosen: Window) -> Markup {
    html! {
        nav.tabs aria-label="Span of time" {
            @for own in Window::ALL {
                a href={ "/usage?range=" (own.as_str()) } aria-current=[(own == chosen).then_some("true")] {
                    (own.name())
                }
            }
        }
    }
}

fn by_key(figures: &Figures) -> Markup {
    let mut keys: Vec<&KeyUsage> = figures.report.keys.iter().collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.total.accepted.saturating_add(key.total.refused)));
    html! {
        @if keys.is_empty() {
            p.muted { "No key was used in this time." }
        } @else {
            table {
                thead {
                    tr {
                        th scope="col" { "Key" }
                        th.number scope="col" { "Accepted" }
                        th.number scope="col" { "Refused" }
                    }
                }
                tbody {
                    @for key in keys {
                        tr {
                            th scope="row" {
                                a href={ (PATH) "/" (key.id) } { (name(key.name.as_str())) }
                                " " (environment(key.environment))
                            }
                            td.number { (digits(key.total.accepted)) }
                            td.number { (digits(key.total.refused)) }
                        }
                    }
                }
            }
        }
    }
}

fn by_outcome(figures: &Figures) -> Markup {
    let count = |outcome| {
        let rows = figures.rows.iter().filter(|row| row.outcome == outcome);
        rows.fold(0_u64, |sum, row| sum.saturating_add(row.count))
    };
    let counted: Vec<_> = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome, count(outcome)))
        .filter(|(outcome, count)| *count > 0 || *outcome == Outcome::Accepted)
        .collect();
    html! {
        table {
            thead {
                tr { th scope="col" { "Outcome" } th.number scope="col" { "Requests" } }
            }
            tbody {
                @for (outcome, count) in counted {
                    tr { th scope="row" { (said(outcome)) } td.number { (digits(count)) } }
                }
            }
        }
    }
}

fn said(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "Accepted",
        Outcome::Disabled => "Refused: disabled",
        Outcome::Expired => "Refused: expired",
        Outcome::Retired => "Refused: the secret has retired",
        Outcome::Revoked => "Refused: revoked",
        Outcome::OrganizationDeleted => "Refused: organization deleted",
        Outcome::WrongEnvironment => "Refused: wrong environment",
        Outcome::MissingScope => "Refused: missing scope",
    }
}
