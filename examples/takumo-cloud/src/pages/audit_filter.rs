//! The filter of the audit log: the fields that a person fills in, and the events that they choose.

use keyfob::{Action, Actor, KeyId, Timestamp};

use super::key_search::KeySearch;
use super::notice::Wrong;
use super::signed_in::SignedIn;
use super::submission::Fields;
use super::{address, errors};
use crate::app::App;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::people::Login;
use crate::scanner;
use crate::time::Moment;
use crate::views::NamedAction;

/// The fields as they were typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) action: String,
    pub(super) actor: String,
    pub(super) key: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// The values of the fields. Each list that is there has at least one entry.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    pub(super) action: Option<Action>,
    /// One of these.
    pub(super) actors: Option<Vec<Actor>>,
    /// One of these.
    pub(super) keys: Option<Vec<KeyId>>,
    /// The earliest time.
    pub(super) from: Option<Timestamp>,
    /// The first time that is too late.
    pub(super) to: Option<Timestamp>,
}

/// The number of people, or of keys, that one name may match. Each pair of them is a query.
const MAX_MATCHES: usize = 5;
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Filter {
    pub(super) fn read(parameters: &mut Parameters) -> Result<Self, ApiError> {
        let mut text = |name| parameters.take::<String>(name).map(Option::unwrap_or_default);
        let filter = Self {
            action: text("action")?,
            actor: text("actor")?,
            key: text("key")?,
            from: text("from")?,
            to: text("to")?,
        };
        if scanner::mentions_key(&filter.key) || scanner::mentions_key(&filter.actor) {
            let message = "the address holds a key, which is in your browser's history now. \
                           Rotate or revoke that key. To search for a key, use the field";
            return Err(ApiError::bad_request(message));
        }
        Ok(filter)
    }

    pub(super) fn of_form(fields: &mut Fields) -> Result<Self, ApiError> {
        let mut text = |name| fields.text(name).map(Option::unwrap_or_default);
        Ok(Self {
            action: text("action")?,
            actor: text("actor")?,
            key: text("key")?,
            from: text("from")?,
            to: text("to")?,
        })
    }

    /// The address of what this filter shows.
    pub(super) fn address(&self, path: &str, cursor: Option<String>) -> String {
        let fields = [
            ("action", &self.action),
            ("actor", &self.actor),
            ("key", &self.key),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let filled = fields.into_iter().filter(|(_, text)| !text.trim().is_empty());
        let mut pairs: Vec<_> = filled.map(|(name, text)| (name, text.trim().to_owned())).collect();
        pairs.extend(cursor.map(|cursor| ("cursor", cursor)));
        address(path, &pairs)
    }

    pub(super) fn narrows(&self) -> bool {
        !self.address("", None).is_empty()
    }

    /// Reads the fields, or returns the one that is wrong.
    pub(super) async fn choose(
        &self,
        app: &App,
        by: &SignedIn,
    ) -> Result<Result<Chosen, Wrong>, ApiError> {
        let mut chosen = Chosen::default();
        if !self.action.is_empty() {
            match self.action.parse::<NamedAction>() {
                Ok(NamedAction(action)) => chosen.action = Some(action),
                Err(error) => return Ok(Err(wrong("action", "The action", error))),
            }
        }
        match self.days() {
            Ok((from, to)) => {
                chosen.from = from;
                chosen.to = to;
            }
            Err(wrong) => return Ok(Err(wrong)),
        }
        match self.actors(app, by).await? {
            Ok(actors) => chosen.actors = actors,
            Err(wrong) => return Ok(Err(wrong)),
        }
        match self.keys(app, by).await? {
            Ok(keys) => chosen.keys = keys,
            Err(wrong) => return Ok(Err(wrong)),
        }
        Ok(Ok(chosen))
    }

    /// The first and the last day, both of which belong to the filter.
    fn days(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), Wrong> {
        let day = |field, text: &str| -> Result<Option<Timestamp>, Wrong> {
            let text = text.trim();
            if text.is_empty() {
                return Ok(None);
            }
            let start: Result<Moment, _> = format!("{text}T00:00:00Z").parse();
            let wrong = |_| Wrong::new(field, "Choose a day, such as 2026-01-31.");
            start.map(|Moment(at)| Some(at)).map_err(wrong)
        };
        let from = day("from", &self.from)?;
        let to = day("to", &self.to)?.map(|start| start.saturating_add(DAY));
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(Wrong::new("to", "The last day must not be before the first one."));
        }
        Ok((from, to))
    }

    /// The people whose login has this text, and the actor with exactly this name.
    async fn actors(
        &self,
        app: &App,
        by: &SignedIn,
    ) -> Result<Result<Option<Vec<Actor>>, Wrong>, ApiError> {
        let text = self.actor.trim();
        if text.is_empty() {
            return Ok(Ok(None));
        }
        let exact = match text.parse::<Actor>() {
            Ok(actor) => actor,
            Err(error) => return Ok(Err(wrong("actor", "The name", &error.to_string()))),
        };
        let part = text.strip_prefix("user:").unwrap_or(text).to_lowercase();
        let mut actors: Vec<Actor> = app
            .db
            .members(by.organization_id())
            .await?
            .iter()
            .filter(|member| member.login.as_str() == part || member.login.as_str().contains(&part))
            .map(|member| member.login.actor())
            .take(MAX_MATCHES + 1)
            .collect();
        if actors.len() > MAX_MATCHES {
            let text = "This matches too many people. Type more of the name.";
            return Ok(Err(Wrong::new("actor", text)));
        }
        // A person who is no member any more is found by their whole login.
        let person = part.parse::<Login>().ok().map(|login| login.actor());
        for actor in person.into_iter().chain([exact]) {
            if !actors.contains(&actor) {
                actors.push(actor);
            }
        }
        Ok(Ok(Some(actors)))
    }

    /// The key of this id, or those whose name or secrets have this text.
    async fn keys(
        &self,
        app: &App,
        by: &SignedIn,
    ) -> Result<Result<Option<Vec<KeyId>>, Wrong>, ApiError> {
        let text = self.key.trim();
        if text.is_empty() {
            return Ok(Ok(None));
        }
        if let Ok(id) = text.parse::<KeyId>() {
            return Ok(Ok(Some(vec![id])));
        }
        let page = KeySearch::of_text(text).run(app, by.organization_id()).await?;
        let named: Vec<_> = page.items.iter().filter(|key| key.name.as_str() == text).collect();
        let matches = if named.is_empty() { page.items.iter().collect() } else { named };
        let problem = match matches.len() {
            0 if page.next.is_some() => {
                "There are too many keys to look through. Give the key's id."
            }
            0 => "No key has this name, id or beginning.",
            1..=MAX_MATCHES => {
                return Ok(Ok(Some(matches.into_iter().map(|key| key.id).collect())));
            }
            _ => "This matches too many keys. Type more of the name.",
        };
        Ok(Err(Wrong::new("key", problem)))
    }
}

fn wrong(field: &'static str, subject: &str, error: &str) -> Wrong {
    Wrong::new(field, errors::sentence(&format!("{subject} {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_in_order() {
        let days = |from: &str, to: &str| {
            Filter { from: from.into(), to: to.into(), ..Filter::default() }.days()
        };
        let (from, to) = days("2026-01-31", "2026-01-31").unwrap();
        let length = to.unwrap().as_micros() - from.unwrap().as_micros();
        assert_eq!(length, 24 * 60 * 60 * 1_000_000);
        assert_eq!(days("", " ").unwrap(), (None, None));
        assert!(days("2026-02-01", "2026-01-31").is_err());
        for bad in ["2026-02-30", "yesterday", "2026-01-31T00:00:00Z", "9999-99-99"] {
            assert!(days(bad, "").is_err() && days("", bad).is_err(), "{bad}");
        }
        assert!(days("9999-12-31", "9999-12-31").is_ok());
    }
}
