//! How a key changes. These are the rules that every store shares: an adapter reads the record,
//! changes it by one of these, and writes it and the entry of the log, in one transaction.

use serde_json::{Value, json};

use crate::{
    Action, Attribution, Conflict, Details, KeyEdit, KeyRecord, KeyState, Reason, Revocation,
    Rotation, SecretRecord, Switch, Timestamp,
};

/// What the log will say of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// What happened.
    pub action: Action,
    /// What else there is to say.
    pub details: Details,
}

impl KeyRecord {
    /// Puts a new secret before the old one, which works on until the overlap ends. A record holds
    /// these two; an adapter keeps older ones, so that they are never unknown. The overlap ends with
    /// the key, if the key expires before.
    ///
    /// # Errors
    /// [`Conflict::Revoked`], [`Conflict::Expired`] since a new secret would be refused as well, and
    /// [`Conflict::StillRotating`] while two secrets are live.
    pub fn rotate(&mut self, rotation: &Rotation, by: &Attribution) -> Result<LogEntry, Conflict> {
        self.unrevoked()?;
        if let Some(since) = self.expires_at.filter(|expiry| *expiry <= by.at) {
            return Err(Conflict::Expired { since });
        }
        if let Some(until) = self.overlap_end(by.at) {
            return Err(Conflict::StillRotating { until });
        }
        let overlap_ends = rotation.overlap_ends.max(by.at);
        let overlap_ends = self.expires_at.map_or(overlap_ends, |end| end.min(overlap_ends));
        let generation = self.secrets.first().map_or(1, |newest| newest.generation + 1);
        for old in &mut self.secrets {
            old.retires_at.get_or_insert(overlap_ends);
        }
        self.secrets.insert(
            0,
            SecretRecord {
                generation,
                hash: rotation.secret.hash,
                hint: rotation.secret.hint,
                created_at: by.at,
                retires_at: None,
                last_used_at: None,
            },
        );
        self.secrets.truncate(2);
        Ok(entry(
            Action::KEY_ROTATED,
            json!({
                "generation": generation,
                "overlap_ends": overlap_ends.as_micros(),
            }),
        ))
    }

    /// Ends the overlap of the last rotation now. `None` when none goes on.
    ///
    /// # Errors
    /// [`Conflict::Revoked`].
    pub fn retire_old_secret(&mut self, by: &Attribution) -> Result<Option<LogEntry>, Conflict> {
        self.unrevoked()?;
        if self.overlap_end(by.at).is_none() {
            return Ok(None);
        }
        let old = &mut self.secrets[1];
        old.retires_at = Some(by.at);
        Ok(Some(entry(Action::KEY_RETIRED, json!({ "generation": old.generation }))))
    }

    /// Switches the key on or off. `None` when it is so already.
    ///
    /// # Errors
    /// [`Conflict::Revoked`].
    pub fn switch(&mut self, to: Switch) -> Result<Option<LogEntry>, Conflict> {
        self.unrevoked()?;
        let (state, action) = match to {
            Switch::On => (KeyState::Active, Action::KEY_ENABLED),
            Switch::Off => (KeyState::Disabled, Action::KEY_DISABLED),
        };
        if self.state == state {
            return Ok(None);
        }
        self.state = state;
        Ok(Some(entry(action, json!({}))))
    }

    /// Changes name, scopes or expiry. `None` when nothing is to be changed, or is so already.
    ///
    /// # Errors
    /// [`Conflict::Revoked`].
    pub fn edit(&mut self, edit: KeyEdit) -> Result<Option<LogEntry>, Conflict> {
        self.unrevoked()?;
        let mut details = Details::new();
        let mut note = |what: &str, from: Value, to: Value| {
            if from != to {
                details.insert(what.to_owned(), json!({ "from": from, "to": to }));
            }
        };
        let micros = |expiry: Option<Timestamp>| json!(expiry.map(Timestamp::as_micros));
        if let Some(name) = edit.name {
            note("name", self.name.as_str().into(), name.as_str().into());
            self.name = name;
        }
        if let Some(scopes) = edit.scopes {
            note("scopes", self.scopes.iter().collect(), scopes.iter().collect());
            self.scopes = scopes;
        }
        if let Some(expires_at) = edit.expires_at {
            note("expires_at", micros(self.expires_at), micros(expires_at));
            self.expires_at = expires_at;
        }
        Ok((!details.is_empty()).then_some(LogEntry { action: Action::KEY_EDITED, details }))
    }

    /// Revokes the key for ever. `None` when it is revoked already: the first time, actor and reason
    /// stay.
    pub fn revoke(&mut self, reason: Option<Reason>, by: &Attribution) -> Option<LogEntry> {
        self.unrevoked().ok()?;
        let revocation = Revocation::new(reason, by);
        let details = revocation.details();
        self.state = KeyState::Revoked(revocation);
        Some(LogEntry { action: Action::KEY_REVOKED, details })
    }

    fn unrevoked(&self) -> Result<(), Conflict> {
        match self.state {
            KeyState::Revoked(_) => Err(Conflict::Revoked),
            KeyState::Active | KeyState::Disabled => Ok(()),
        }
    }

    /// When the overlap ends that goes on at this time.
    fn overlap_end(&self, at: Timestamp) -> Option<Timestamp> {
        self.secrets.get(1)?.retires_at.filter(|end| *end > at)
    }
}

fn entry(action: Action, details: Value) -> LogEntry {
    let Value::Object(details) = details else { unreachable!("details are an object") };
    LogEntry { action, details }
}

#[cfg(test)]
mod tests;
