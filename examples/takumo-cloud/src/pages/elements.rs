//! What the pages have in common, smaller than a page: badges, times, names.

use std::time::Duration;

use keyfob::{Actor, Environment, KeyRecord, KeyStatus, Timestamp};
use maud::{Markup, html};

use crate::time::{rfc3339, short};

/// A name that a person chose. Whatever its letters do to the direction of text, they do it within
/// the name: a right-to-left one does not turn around what stands beside it.
pub(super) fn name(name: impl AsRef<str>) -> Markup {
    html! { bdi.name { (name.as_ref()) } }
}

/// Who did something: a person by their login alone, anybody else as the audit log has them.
pub(super) fn person(actor: &Actor) -> Markup {
    name(actor.as_str().strip_prefix("user:").unwrap_or(actor.as_str()))
}

pub(super) fn status(key: &KeyRecord, now: Timestamp) -> Markup {
    let (word, tone) = match key.status(now) {
        KeyStatus::Active if rotates(key, now) => ("Rotating", "notice"),
        KeyStatus::Active => ("Active", "good"),
        KeyStatus::Disabled => ("Disabled", "quiet"),
        KeyStatus::Revoked => ("Revoked", "bad"),
        KeyStatus::Expired => ("Expired", "warn"),
    };
    badge(word, tone)
}

pub(super) fn badge(word: &str, tone: &str) -> Markup {
    html! { span class={ "badge " (tone) } { (word) } }
}

pub(super) fn environment(environment: Environment) -> Markup {
    html! { span class={ "badge env-" (environment) } { (environment) } }
}

/// Whether two of its secrets work at this time.
pub(super) fn rotates(key: &KeyRecord, now: Timestamp) -> bool {
    key.secrets.iter().any(|secret| secret.retires_at.is_some_and(|end| end > now))
}

/// Returns true if the key rotates and its new secret was never used.
pub(super) fn waits_for_use(key: &KeyRecord, now: Timestamp) -> bool {
    let unused = key.secrets.first().is_some_and(|newest| newest.last_used_at.is_none());
    unused && rotates(key, now)
}

pub(super) fn last_used(key: &KeyRecord) -> Option<Timestamp> {
    key.secrets.iter().filter_map(|secret| secret.last_used_at).max()
}

/// A time as a person says it, with the exact one for who asks.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(rfc3339(at)) title=(short(at)) { (spoken(at, now)) } }
}

/// The same where there may be none.
pub(super) fn time_or(at: Option<Timestamp>, now: Timestamp, otherwise: &str) -> Markup {
    html! {
        @match at {
            Some(at) => (time(at, now)),
            None => span.muted { (otherwise) },
        }
    }
}

/// When a key ends: in how many days, and on which.
pub(super) fn expiry(key: &KeyRecord, now: Timestamp) -> Markup {
    let day = |at| rfc3339(at).chars().take(10).collect::<String>();
    html! {
        @match key.expires_at.map(|at| (spoken(at, now), day(at), at)) {
            Some((said, day, at)) if said != day => { (time(at, now)) ", on " span.nowrap { (day) } },
            Some((.., at)) => (time(at, now)),
            None => span.muted { "never" },
        }
    }
}

const MONTH: u64 = 30 * 24 * 60 * 60;

/// `4 minutes ago`, `in 3 days`, and the date when it is further away than a month.
fn spoken(at: Timestamp, now: Timestamp) -> String {
    let micros = now.as_micros().saturating_sub(at.as_micros());
    let seconds = micros.unsigned_abs() / 1_000_000;
    match seconds {
        0..45 if micros > -1_000_000 => "just now".into(),
        0..MONTH if micros >= 0 => format!("{} ago", count(seconds)),
        // To the next minute: what was given 24 hours a moment ago has a day, and not 23 hours.
        0..MONTH => format!("in {}", count(seconds.next_multiple_of(60))),
        _ => rfc3339(at).chars().take(10).collect(),
    }
}

/// A span of time in its largest unit.
pub(super) fn span(span: Duration) -> String {
    if span.as_secs() < 1 { format!("{} ms", span.as_millis()) } else { count(span.as_secs()) }
}

fn count(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// A word of ours, such as a role or a plan, as it begins a line.
pub(super) fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{}{rest}", first.to_ascii_uppercase())
}

/// `1 key`, `2 keys`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", digits(number))
}

/// A number with its thousands apart.
pub(super) fn digits(number: u64) -> String {
    let plain = number.to_string();
    let mut grouped = String::with_capacity(plain.len() * 4 / 3);
    for (place, digit) in plain.chars().enumerate() {
        if place > 0 && (plain.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_a_person_says_them() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let said = |seconds: i64| {
            spoken(Timestamp::from_micros(now.as_micros() - seconds * 1_000_000), now)
        };
        assert_eq!(said(0), "just now");
        assert_eq!(said(60), "1 minute ago");
        assert_eq!(said(4 * 60 + 59), "4 minutes ago");
        assert_eq!(said(-3 * 86_400), "in 3 days");
        assert_eq!(said(-(3 * 86_400 - 5)), "in 3 days");
        assert_eq!(said(-5), "in 1 minute");
        // What was written down after the page began.
        assert_eq!(spoken(Timestamp::from_micros(now.as_micros() + 900_000), now), "just now");
        assert_eq!(said(86_400 * 365), "2022-11-14");
        assert_eq!(spoken(Timestamp::MAX, now).len(), 10);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(digits), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "key"), "1 key");
        assert_eq!(counted(0, "key"), "0 keys");
    }

    #[test]
    fn name_is_escaped_and_keeps_its_direction_to_itself() {
        let html = name("<script>\u{202e}&\"").into_string();
        assert_eq!(html, "<bdi class=\"name\">&lt;script&gt;\u{202e}&amp;&quot;</bdi>");
    }
}
