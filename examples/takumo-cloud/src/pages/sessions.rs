//! Sessions, kept in takumo's own tables.

use std::fmt;

use async_trait::async_trait;
use keyfob::Timestamp;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

use super::front::Front;
use crate::app::App;
use crate::db::StoredSession;
use crate::token;

/// How long a session lives that nobody uses. The cookie lives longer, so that a page can say that
/// the session has ended.
pub(super) const IDLE: Duration = Duration::minutes(30);
/// How long one lives, however much it is used.
pub(super) const LONGEST: Duration = Duration::hours(12);

/// The layer that gives each request its session. The cookie is `HttpOnly`, and `SameSite=Lax`: a
/// link from somewhere else finds the person signed in, a form from there does not.
pub(super) fn layer(app: &App, front: &Front) -> SessionManagerLayer<Sessions> {
    let layer = SessionManagerLayer::new(Sessions(app.clone()))
        .with_same_site(SameSite::Lax)
        .with_http_only(true)
        .with_expiry(Expiry::OnInactivity(LONGEST));
    match front {
        // `__Host-` binds it to this host, this path and TLS, whatever another host of the domain sets.
        Front::Network | Front::Proxy(_) => {
            layer.with_secure(true).with_name("__Host-takumo_session")
        }
        Front::Loopback => layer.with_secure(false).with_name("takumo_session"),
    }
}

/// The table of sessions. Of an id it has the hash only: who reads the database has no session.
#[derive(Clone)]
pub(super) struct Sessions(App);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.0.keys.now();
        while !self.0.db.add_session(stored(record)?, now).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.0.db.save_session(stored(record)?).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = self.0.db.session(hash(*id), self.0.keys.now()).await.map_err(backend)?;
        found.map(|session| record(*id, &session)).transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0.db.remove_session(hash(*id)).await.map_err(backend)
    }
}

fn stored(record: &Record) -> Result<StoredSession> {
    let data = serde_json::to_string(&record.data);
    let seconds = record.expiry_date.unix_timestamp();
    Ok(StoredSession {
        id_hash: hash(record.id),
        data: data.map_err(|error| Error::Encode(error.to_string()))?,
        expires_at: Timestamp::from_micros(seconds.saturating_mul(1_000_000)),
    })
}

fn record(id: Id, session: &StoredSession) -> Result<Record> {
    let data = serde_json::from_str(&session.data);
    let seconds = session.expires_at.as_micros().div_euclid(1_000_000);
    Ok(Record {
        id,
        data: data.map_err(|error| Error::Decode(error.to_string()))?,
        expiry_date: OffsetDateTime::from_unix_timestamp(seconds)
            .map_err(|error| Error::Decode(error.to_string()))?,
    })
}

fn hash(id: Id) -> String {
    token::hash(&id.to_string())
}

fn backend(error: impl fmt::Display) -> Error {
    Error::Backend(error.to_string())
}
