use keyfob::Timestamp;

use super::{Database, DatabaseError, Statement, values};

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
const CLEARED: u32 = 20;

impl Database {
    /// Keeps a new session. It answers false when there is one of this id already.
    pub(crate) async fn add_session(
        &self,
        session: StoredSession,
        now: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let clear = "DELETE FROM takumo_sessions WHERE id_hash IN \
             (SELECT id_hash FROM takumo_sessions WHERE expires_at <= ?1 \
              ORDER BY expires_at LIMIT ?2)";
        let add = "INSERT INTO takumo_sessions (id_hash, data, expires_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (id_hash) DO NOTHING";
        let [_, added] = self
            .run_all([
                Statement::new(clear, values![now, CLEARED]),
                Statement::new(add, values![session.id_hash, session.data, session.expires_at]),
            ])
            .await?;
        Ok(added.written == 1)
    }

    /// Changes a session that is there. One that has ended meanwhile is not begun again.
    pub(crate) async fn save_session(&self, session: StoredSession) -> Result<(), DatabaseError> {
        let sql = "UPDATE takumo_sessions SET data = ?2, expires_at = ?3 WHERE id_hash = ?1";
        let values = values![session.id_hash, session.data, session.expires_at];
        self.run(sql, values).await.map(drop)
    }

    pub(crate) async fn session(
        &self,
        id_hash: String,
        now: Timestamp,
    ) -> Result<Option<StoredSession>, DatabaseError> {
        let sql = "SELECT id_hash, data, expires_at FROM takumo_sessions \
             WHERE id_hash = ?1 AND expires_at > ?2";
        self.run(sql, values![id_hash, now]).await?.one(|row| {
            Ok(StoredSession {
                id_hash: row.get("id_hash")?,
                data: row.get("data")?,
                expires_at: row.get("expires_at")?,
            })
        })
    }

    pub(crate) async fn remove_session(&self, id_hash: String) -> Result<(), DatabaseError> {
        let sql = "DELETE FROM takumo_sessions WHERE id_hash = ?1";
        self.run(sql, values![id_hash]).await.map(drop)
    }
}
