use keyfob::Timestamp;
use rusqlite::OptionalExtension;

use super::{Database, DatabaseError};

/// A session as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct StoredSession {
    /// The SHA-256 of the id that the cookie has.
    pub(crate) id_hash: String,
    /// JSON.
    pub(crate) data: String,
    pub(crate) expires_at: Timestamp,
}

/// How many sessions that are over one new one clears away: more than one, so that they don't pile
/// up, and not many, so that nobody waits for it.
const CLEARED: i64 = 20;

impl Database {
    /// Keeps a new session. It answers false when there is one of this id already.
    pub(crate) async fn add_session(
        &self,
        session: StoredSession,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.run(move |connection| {
            connection.execute(
                "DELETE FROM takumo_sessions WHERE id_hash IN \
                 (SELECT id_hash FROM takumo_sessions WHERE expires_at <= ?1 LIMIT ?2)",
                (now.as_micros(), CLEARED),
            )?;
            let added = connection.execute(
                "INSERT INTO takumo_sessions (id_hash, data, expires_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (id_hash) DO NOTHING",
                (&session.id_hash, &session.data, session.expires_at.as_micros()),
            )?;
            Ok(added == 1)
        })
        .await
    }

    /// Changes a session that is there. One that has ended meanwhile is not begun again.
    pub(crate) async fn save_session(&self, session: StoredSession) -> Result<(), DatabaseError> {
        self.run(move |connection| {
            connection.execute(
                "UPDATE takumo_sessions SET data = ?2, expires_at = ?3 WHERE id_hash = ?1",
                (&session.id_hash, &session.data, session.expires_at.as_micros()),
            )?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn session(
        &self,
        id_hash: String,
        now: Timestamp,
    ) -> Result<Option<StoredSession>, DatabaseError> {
        self.run(move |connection| {
            let sql = "SELECT data, expires_at FROM takumo_sessions \
                       WHERE id_hash = ?1 AND expires_at > ?2";
            let found = connection
                .query_row(sql, (&id_hash, now.as_micros()), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            Ok(found.map(|(data, expires_at)| StoredSession {
                id_hash,
                data,
                expires_at: Timestamp::from_micros(expires_at),
            }))
        })
        .await
    }

    pub(crate) async fn remove_session(&self, id_hash: String) -> Result<(), DatabaseError> {
        self.run(move |connection| {
            connection.execute("DELETE FROM takumo_sessions WHERE id_hash = ?1", [&id_hash])?;
            Ok(())
        })
        .await
    }
}
