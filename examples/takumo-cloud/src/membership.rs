//! Who belongs to an organization, as pages and commands change it: each change with its line in the
//! log.

use std::time::Duration;

use keyfob::{Author, Details, EntropyError, OrganizationId, StoreError};
use serde_json::json;

use crate::app::App;
use crate::db::{DatabaseError, Member, MemberChange};
use crate::passwords::{NewPassword, PasswordError, Passwords};
use crate::people::{InvalidLogin, Login, Role};
use crate::token::Token;

/// How long a sign-in link is good, unless it is used.
pub(crate) const LINK_LIVES: Duration = Duration::from_secs(24 * 60 * 60);

impl App {
    /// Makes a person who has a login now and is a member of this organization, and a link by which
    /// they sign in.
    pub(crate) async fn add_new_member(
        &self,
        passwords: &Passwords,
        organization: &OrganizationId,
        login: Login,
        role: Role,
        by: Author,
    ) -> Result<(Login, Token), MemberError> {
        let password = NewPassword::random()?;
        let hash = passwords.hash(password.into_text()).await?;
        if !self.add_person(&login, hash).await? {
            return Err(MemberError::HasLogin);
        }
        self.add_member(organization, &login, role, by).await?;
        let link = self.link(&login).await?;
        Ok((login, link))
    }

    /// Makes a person; false says that there is one of this login.
    pub(crate) async fn add_person(
        &self,
        login: &Login,
        hash: String,
    ) -> Result<bool, MemberError> {
        Ok(self.db.add_person(login, hash, self.keys.now()).await?)
    }

    /// Makes a person who has a login a member.
    pub(crate) async fn add_member(
        &self,
        organization: &OrganizationId,
        login: &Login,
        role: Role,
        by: Author,
    ) -> Result<(), MemberError> {
        let member = Member { login: login.clone(), role, joined_at: self.keys.now() };
        if !self.db.add_member(organization, member).await? {
            return Err(MemberError::IsMember);
        }
        let details = details(login, json!(role.as_str()));
        Ok(self.log(organization, "member.added", details, by).await?)
    }

    /// Gives a member another role, or takes their membership away.
    pub(crate) async fn change_member(
        &self,
        organization: &OrganizationId,
        login: &Login,
        to: Option<Role>,
        by: Author,
    ) -> Result<(), MemberError> {
        let change = self.db.change_member(organization, login, to).await;
        let before = match change? {
            MemberChange::Done(before) => before,
            MemberChange::NotFound => return Err(MemberError::NotFound),
            MemberChange::LastOwner => return Err(MemberError::LastOwner),
        };
        let (action, role) = match to {
            Some(role) if role == before => return Ok(()),
            Some(role) => {
                ("member.edited", json!({ "from": before.as_str(), "to": role.as_str() }))
            }
            None => ("member.removed", json!(before.as_str())),
        };
        let details = details(login, role);
        Ok(self.log(organization, action, details, by).await?)
    }

    /// Makes a link that signs a person in, and voids the one that they had.
    pub(crate) async fn link(&self, login: &Login) -> Result<Token, MemberError> {
        let token = Token::random()?;
        let end = self.keys.now().saturating_add(LINK_LIVES);
        let made = self.db.add_sign_in_link(login, token.hash(), end).await;
        if made? { Ok(token) } else { Err(MemberError::NotFound) }
    }

    /// The same for a member of this organization and of no other, as its owners may.
    pub(crate) async fn link_of_own_member(
        &self,
        organization: &OrganizationId,
        login: &Login,
        by: Author,
    ) -> Result<Token, MemberError> {
        let token = Token::random()?;
        let end = self.keys.now().saturating_add(LINK_LIVES);
        let made =
            self.db.add_sign_in_link_of_own_member(login, token.hash(), end, organization).await;
        if !made? {
            return Err(MemberError::NotOwn);
        }
        let details = Details::from_iter([("login".into(), login.as_str().into())]);
        self.log(organization, "member.link_made", details, by).await?;
        Ok(token)
    }
}

fn details(login: &Login, role: serde_json::Value) -> Details {
    Details::from_iter([("login".into(), login.as_str().into()), ("role".into(), role)])
}

/// Why somebody's membership is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemberError {
    #[error(transparent)]
    Invalid(#[from] InvalidLogin),
    #[error("there is no such member")]
    NotFound,
    #[error("they are a member already")]
    IsMember,
    #[error("somebody has this login already: who runs this server can add them")]
    HasLogin,
    #[error("an organization needs an owner: make somebody else one first")]
    LastOwner,
    #[error("they are a member elsewhere too: who runs this server can make them a link")]
    NotOwn,
    #[error(transparent)]
    Tables(#[from] DatabaseError),
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}
