use keyfob::{OrganizationId, Timestamp};
use rusqlite::OptionalExtension;

use super::people::login;
use super::{Database, DatabaseError};
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
        self.add_link(login, token_hash, expires_at, None).await
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
        self.add_link(login, token_hash, expires_at, Some(organization.clone())).await
    }

    async fn add_link(
        &self,
        login: &Login,
        token_hash: String,
        expires_at: Timestamp,
        only_of: Option<OrganizationId>,
    ) -> Result<bool, DatabaseError> {
        let login = login.clone();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let links = "DELETE FROM takumo_sign_in_links WHERE login = ?1";
            transaction.execute(links, [login.as_str()])?;
            let whose = "INSERT INTO takumo_sign_in_links (token_hash, login, expires_at) \
                         SELECT ?1, p.login, ?3 FROM takumo_people p WHERE p.login = ?2";
            let added = match only_of {
                None => transaction
                    .execute(whose, (&token_hash, login.as_str(), expires_at.as_micros()))?,
                Some(organization) => transaction.execute(
                    &format!(
                        "{whose} AND EXISTS (SELECT 1 FROM takumo_members m \
                         WHERE m.login = p.login AND m.organization = ?4) \
                         AND NOT EXISTS (SELECT 1 FROM takumo_members m \
                         WHERE m.login = p.login AND m.organization <> ?4)"
                    ),
                    (&token_hash, login.as_str(), expires_at.as_micros(), organization.as_str()),
                )?,
            };
            // What could not be added must not end the link that was there.
            if added == 1 {
                transaction.commit()?;
            }
            Ok(added == 1)
        })
        .await
    }

    /// Uses a link up, and tells whom it signs in. Of many who come with it, one is told.
    pub(crate) async fn use_sign_in_link(
        &self,
        token_hash: String,
        now: Timestamp,
    ) -> Result<Option<Login>, DatabaseError> {
        self.run(move |connection| {
            let sql = "DELETE FROM takumo_sign_in_links WHERE token_hash = ?1 \
                       RETURNING login, expires_at";
            let used = connection
                .query_row(sql, [&token_hash], |row| Ok((login(row, 0), row.get::<_, i64>(1)?)))
                .optional()?;
            match used {
                Some((login, expires_at)) if expires_at > now.as_micros() => login.map(Some),
                _ => Ok(None),
            }
        })
        .await
    }
}
