//! A key that is being thought of: what the form to make one has in it.

use keyfob::{Environment, Expiry, IdempotencyToken, KeyName, ScopeSet};

use super::errors::sentence;
use super::notice::Wrong;
use super::signed_in::SignedIn;
use super::submission::Fields;
use crate::error::ApiError;
use crate::grants::{Excess, Grantor, Power};
use crate::takumo::Scope;
use crate::time::Moment;
use crate::token::Token;

/// The fields as they were typed, to be shown again when one of them is wrong.
#[derive(Clone, Debug)]
pub(super) struct KeyDraft {
    /// Makes the form good for one key: sent again, by a reload, it answers that it was.
    pub(super) once: String,
    pub(super) name: String,
    pub(super) environment: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires: String,
    pub(super) expires_on: String,
}

/// What the fields come to.
#[derive(Clone, Debug)]
pub(super) struct KeyFields {
    pub(super) name: KeyName,
    pub(super) environment: Environment,
    pub(super) scopes: ScopeSet<Scope>,
    pub(super) expiry: Expiry,
}

/// What a key may live for, by the word in the form.
pub(super) const LIVES: [(&str, &str, u64); 4] =
    [("7d", "7 days", 7), ("30d", "30 days", 30), ("90d", "90 days", 90), ("1y", "1 year", 365)];

impl KeyDraft {
    pub(super) fn new() -> Result<Self, ApiError> {
        Ok(Self {
            once: Token::random()?.expose().into(),
            name: String::new(),
            environment: Environment::Live.as_str().into(),
            scopes: Vec::new(),
            expires: "90d".into(),
            expires_on: String::new(),
        })
    }

    pub(super) fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        Ok(Self {
            once: fields.text("once")?.unwrap_or_default(),
            name: fields.text("name")?.unwrap_or_default(),
            environment: fields.text("environment")?.unwrap_or_default(),
            scopes: fields.all("scope"),
            expires: fields.text("expires")?.unwrap_or_default(),
            expires_on: fields.text("expires_on")?.unwrap_or_default(),
        })
    }

    /// Checks each field. The error is for the person who typed it.
    pub(super) fn check(&self, by: &SignedIn) -> Result<KeyFields, Wrong> {
        let fields = KeyFields {
            name: name(&self.name)?,
            environment: self.environment.parse().map_err(|_| {
                Wrong::new("environment-choice", "Choose an environment: live or test.")
            })?,
            scopes: scopes(&self.scopes)?,
            expiry: expiry(&self.expires, &self.expires_on)?,
        };
        let granted = Grantor::person(by.role).check_new(Power {
            environment: fields.environment,
            scopes: &fields.scopes.into(),
            expires_at: fields.expiry.at(by.now),
        });
        granted.map_err(Wrong::from)?;
        Ok(fields)
    }

    pub(super) fn token(&self) -> Result<IdempotencyToken, ApiError> {
        let token = IdempotencyToken::new(&self.once);
        token.map_err(|error| ApiError::bad_request(format!("once: {error}")))
    }
}

/// A person can grant too little for want of a scope only.
impl From<Excess> for Wrong {
    fn from(excess: Excess) -> Self {
        Self::new("scopes", sentence(&excess.to_string()))
    }
}

pub(super) fn name(text: &str) -> Result<KeyName, Wrong> {
    KeyName::new(text).map_err(|error| Wrong::new("new-name", sentence(&error.to_string())))
}

/// The scopes by name.
pub(super) fn scopes(names: &[String]) -> Result<ScopeSet<Scope>, Wrong> {
    let wrong = |text: String| Wrong::new("scopes", text);
    if names.is_empty() {
        return Err(wrong("Choose at least one scope: a key without any could do nothing.".into()));
    }
    let scopes = ScopeSet::<Scope>::from_patterns(names.iter().map(String::as_str))
        .map_err(|error| wrong(sentence(&error.to_string())))?;
    Ok(scopes)
}

/// What is wrong with a day that has passed.
pub(super) fn day_is_over() -> Wrong {
    Wrong::new("expires-on", "The day on which it expires must not be over.")
}

/// When it ends: a span by its word, or the end of a day. A day that has passed is judged later,
/// since a form that is sent again is answered as it was the first time.
pub(super) fn expiry(word: &str, on: &str) -> Result<Expiry, Wrong> {
    const DAY: u64 = 24 * 60 * 60;
    if let Some((.., days)) = LIVES.iter().find(|(own, ..)| *own == word) {
        return Ok(Expiry::After(std::time::Duration::from_secs(days * DAY)));
    }
    match word {
        "never" => Ok(Expiry::Never),
        "on" => {
            let last = format!("{on}T23:59:59Z");
            match last.parse() {
                Ok(Moment(at)) => Ok(Expiry::At(at)),
                Err(_) => Err(Wrong::new("expires-on", "Choose the day on which it expires.")),
            }
        }
        _ => Err(Wrong::new("expires", "Choose when it expires.")),
    }
}
