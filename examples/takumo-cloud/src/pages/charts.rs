//! Bars over time, as SVG from the server, with their figures as a table beside.

use keyfob::{Hour, KeyRecord, KeyStore as _, Outcome, Tally, Timestamp, UsageGrain, UsageQuery};
use maud::{Markup, html};

use super::elements::{counted, digits};
use crate::app::App;
use crate::error::ApiError;

/// What a bar is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    pub(super) start: Timestamp,
    pub(super) tally: Tally,
}

/// How a bar's time is written.
pub(super) type Label = fn(Timestamp) -> String;

/// The height of the drawing, in its own units. Its width is 10 for each bar: it is stretched to
/// whatever place there is, and has no text, which would be stretched too.
const HEIGHT: u64 = 100;

/// The bars, accepted below and refused on top, and a table of the same.
pub(super) fn chart(title: &str, bars: &[Bar], label: Label) -> Markup {
    let total = bars.iter().fold(Tally::default(), |sum, bar| sum.saturating_add(bar.tally));
    let highest = bars.iter().map(|bar| sum(bar.tally)).max().unwrap_or(0);
    let top = round_up(highest);
    html! {
        figure.chart {
            figcaption {
                span { (title) }
                span.legend {
                    span.key-accepted { (digits(total.accepted)) " accepted" }
                    span.key-refused { (digits(total.refused)) " refused" }
                }
            }
            @if highest == 0 {
                p.chart-empty.muted { "No requests in this time." }
            } @else {
                div.plot {
                    div.y-axis aria-hidden="true" {
                        span { (digits(top)) } span { (digits(top / 2)) } span { "0" }
                    }
                    svg viewBox={ "0 0 " (bars.len() * 10) " " (HEIGHT) } preserveAspectRatio="none"
                        role="img" aria-label={ (title) ": " (counted(total.accepted, "request")) " accepted, " (digits(total.refused)) " refused. The figures are in the table below." } {
                        line.grid x1="0" x2=(bars.len() * 10) y1="0.5" y2="0.5" {}
                        line.grid x1="0" x2=(bars.len() * 10) y1=(HEIGHT / 2) y2=(HEIGHT / 2) {}
                        @for (place, bar) in bars.iter().enumerate() { (drawn(place, bar, top, label)) }
                    }
                    div.x-axis aria-hidden="true" {
                        @for place in [0, bars.len() / 2, bars.len().saturating_sub(1)] {
                            @if let Some(bar) = bars.get(place) { span { (label(bar.start)) } }
                        }
                    }
                }
            }
            details {
                summary { "The figures as a table" }
                div.scroll tabindex="0" role="group" aria-label={ (title) ", as a table" } {
                    (table(bars, label))
                }
            }
        }
    }
}

fn drawn(place: usize, bar: &Bar, top: u64, label: Label) -> Markup {
    let accepted = height(bar.tally.accepted, top);
    let refused = height(bar.tally.refused, top);
    let x = format!("{}.5", place * 10 + 1);
    html! {
        g {
            title { (label(bar.start)) ": " (digits(bar.tally.accepted)) " accepted, " (digits(bar.tally.refused)) " refused" }
            // Something to point at, where a bar is low.
            rect.reach x=(place * 10) y="0" width="10" height=(HEIGHT) {}
            rect.bar-accepted x=(x) width="7" y=(points(HUNDREDTHS - accepted)) height=(points(accepted)) {}
            rect.bar-refused x=(x) width="7" y=(points(HUNDREDTHS.saturating_sub(accepted + refused))) height=(points(refused)) {}
        }
    }
}

/// Heights are counted in hundredths of a unit: whole numbers, as all that is counted here.
const HUNDREDTHS: u64 = HEIGHT * 100;

fn height(count: u64, top: u64) -> u64 {
    let share = u128::from(count) * u128::from(HUNDREDTHS) / u128::from(top.max(1));
    let share = u64::try_from(share).unwrap_or(HUNDREDTHS).min(HUNDREDTHS);
    // One request among thousands is still to be seen.
    if count > 0 { share.max(100) } else { 0 }
}

fn points(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn sum(tally: Tally) -> u64 {
    tally.accepted.saturating_add(tally.refused)
}

/// The next number of which half is easy to say.
fn round_up(highest: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [2, 4, 6, 10] {
            let top = step.saturating_mul(factor);
            if top >= highest {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

/// Newest first, which is what one looks for.
fn table(bars: &[Bar], label: Label) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Time (UTC)" }
                    th.number scope="col" { "Accepted" }
                    th.number scope="col" { "Refused" }
                }
            }
            tbody {
                @for bar in bars.iter().rev() {
                    tr {
                        th scope="row" { (label(bar.start)) }
                        td.number { (digits(bar.tally.accepted)) }
                        td.number { (digits(bar.tally.refused)) }
                    }
                }
            }
        }
    }
}

pub(super) fn hour(at: Timestamp) -> String {
    formatted(at, "%b %-d, %H:%M")
}

pub(super) fn day(at: Timestamp) -> String {
    formatted(at, "%b %-d")
}

pub(super) fn month(at: Timestamp) -> String {
    formatted(at, "%b %Y")
}

fn formatted(at: Timestamp, how: &str) -> String {
    let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::MAX);
    at.strftime(how).to_string()
}

/// The usage of one key by day, up to today.
pub(super) async fn days_of_key(
    app: &App,
    key: &KeyRecord,
    days: u32,
    now: Timestamp,
) -> Result<Vec<Bar>, ApiError> {
    let today = Hour::of(now).first_of_day().number();
    let first = today - i64::from(days - 1) * 24;
    let query = UsageQuery {
        from: Hour::from_number(first),
        to: Hour::from_number(today + 24),
        key: Some(key.id),
        grain: UsageGrain::Day,
    };
    let rows = app.keys.store().usage(&key.organization, query).await?;
    let mut bars: Vec<Bar> = (0..i64::from(days))
        .map(|day| Bar {
            start: Hour::from_number(first + day * 24).start(),
            tally: Tally::default(),
        })
        .collect();
    for row in rows {
        let place = usize::try_from((row.hour.number() - first) / 24).ok();
        if let Some(bar) = place.and_then(|place| bars.get_mut(place)) {
            bar.tally = bar.tally.saturating_add(tally(row.outcome, row.count));
        }
    }
    Ok(bars)
}

pub(super) fn tally(outcome: Outcome, count: u64) -> Tally {
    match outcome {
        Outcome::Accepted => Tally { accepted: count, refused: 0 },
        _ => Tally { accepted: 0, refused: count },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_ends_at_a_number_whose_half_is_easy_to_say() {
        let tops = [0, 1, 2, 3, 5, 11, 99, 100, 101, 4_321].map(round_up);
        assert_eq!(tops, [2, 2, 2, 4, 6, 20, 100, 100, 200, 6_000]);
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn bar_of_one_request_can_be_seen_and_none_is_too_high() {
        assert_eq!(height(1, 1_000_000), 100);
        assert_eq!(height(0, 10), 0);
        assert_eq!(height(u64::MAX, u64::MAX), HUNDREDTHS);
        assert_eq!(points(250), "2.50");
    }
}
