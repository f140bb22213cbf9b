use keyfob::{OrganizationId, Timestamp};

use super::people::login_of;
use super::{Database, DatabaseError, Statement, values};
use crate::people::Login;

impl Database {
    /// Keeps the hash of a link that signs this person in, in the place of any that they had. It
    /// answers false when there is no such person.
    pub(crate) async fn add_sign_in_link(
        &self,
        login: &Login,
        token_hash: String,
        expires_at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let add = "INSERT INTO takumo_sign_in_links (token_hash, login, expires_at) \
             SELECT ?1, login, ?3 FROM takumo_people WHERE login = ?2";
        let add = Statement::new(add, values![&token_hash, login, expires_at]);
        self.add_link(login, token_hash, add).await
    }

    /// The same of a member of this organization and of no other: the owners of one must not be able
    /// to become somebody who is a member elsewhere.
    pub(crate) async fn add_sign_in_link_of_own_member(
        &self,
        login: &Login,
        token_hash: String,
        expires_at: Timestamp,
        organization: &OrganizationId,
    ) -> Result<bool, DatabaseError> {
        let add = "INSERT INTO takumo_sign_in_links (token_hash, login, expires_at) \
             SELECT ?1, login, ?3 FROM takumo_people WHERE login = ?2 \
             AND EXISTS (SELECT 1 FROM takumo_members WHERE login = ?2 AND organization = ?4) \
             AND NOT EXISTS (SELECT 1 FROM takumo_members WHERE login = ?2 AND organization <> ?4)";
        let add = Statement::new(add, values![&token_hash, login, expires_at, organization]);
        self.add_link(login, token_hash, add).await
    }

    async fn add_link(
        &self,
        login: &Login,
        token_hash: String,
        add: Statement,
    ) -> Result<bool, DatabaseError> {
        // A write that changes nothing, so that of two links made at a time one voids the other.
        let hold = "UPDATE takumo_people SET epoch = epoch WHERE login = ?1";
        // What could not be added must not end the link that was there.
        let void = "DELETE FROM takumo_sign_in_links WHERE login = ?1 AND token_hash <> ?2 \
             AND EXISTS (SELECT 1 FROM takumo_sign_in_links WHERE token_hash = ?2)";
        let [_, added, _] = self
            .run_all([
                Statement::new(hold, values![login]),
                add,
                Statement::new(void, values![login, token_hash]),
            ])
            .await?;
        Ok(added.written == 1)
    }

    /// Uses a link up, and tells whom it signs in. Of many who come with it, one is told.
    pub(crate) async fn use_sign_in_link(
        &self,
        token_hash: String,
        now: Timestamp,
    ) -> Result<Option<Login>, DatabaseError> {
        let sql = "DELETE FROM takumo_sign_in_links WHERE token_hash = ?1 \
             RETURNING login, expires_at";
        let used = self.run(sql, values![token_hash]).await?;
        let used = used.one(|row| Ok((login_of(row)?, row.get::<Timestamp>("expires_at")?)))?;
        Ok(used.filter(|(_, end)| *end > now).map(|(login, _)| login))
    }
}
