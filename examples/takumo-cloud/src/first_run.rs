//! The first start on an empty database: one organization with one key and one owner, so that there
//! is nothing to set up.

use std::fmt;

use keyfob::{
    Actor, Author, CreateError, CreateKey, Environment, IssuedKey, KeyName, OrganizationId,
    ScopeSet,
};

use crate::app::{App, OrganizationError};
use crate::membership::MemberError;
use crate::passwords::{NewPassword, Passwords};
use crate::people::{Login, Role};
use crate::token::Token;

/// The person who owns the first organization, with what they sign in by. It is shown once.
pub struct FirstOwner {
    login: Login,
    password: NewPassword,
    link: Token,
}

impl FirstOwner {
    /// What they sign in with.
    #[must_use]
    pub fn login(&self) -> &str {
        self.login.as_str()
    }

    /// Their password, until they choose another.
    #[must_use]
    pub fn expose_password(&self) -> &str {
        self.password.expose()
    }

    /// The path of a link that signs them in once, within 24 hours: it follows the server's address.
    #[must_use]
    pub fn expose_link(&self) -> String {
        self.link.sign_in_path()
    }
}

impl fmt::Debug for FirstOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstOwner").field("login", &self.login).finish_non_exhaustive()
    }
}

/// Makes the organization `demo`, a key that may do everything and an owner, unless there is an
/// organization already. What is secret of them is the caller's to show, once.
pub(crate) async fn first_of_all(
    app: &App,
) -> Result<Option<(IssuedKey, FirstOwner)>, FirstRunError> {
    let id = OrganizationId::new("demo").expect("`demo` is visible ASCII");
    let name = |name| KeyName::new(name).expect("a short word is a name");
    let by = Author::from(Actor::new("first-run").expect("a short word is an actor"));

    let demo = app.create_first_organization(id, name("Demo"), by.clone()).await?;
    let Some(demo) = demo else { return Ok(None) };
    let request =
        CreateKey::new(demo.id.clone(), name("first-key"), Environment::Live, ScopeSet::all());
    let key = app.keys.create(request, demo.plan.key_limit(), by.clone()).await?;
    Ok(Some((key, first_owner(app, &demo.id, by).await?)))
}

async fn first_owner(
    app: &App,
    organization: &OrganizationId,
    by: Author,
) -> Result<FirstOwner, MemberError> {
    let login: Login = "owner".parse().expect("a short word is a login");
    let password = NewPassword::random()?;
    let hash = Passwords::new().hash(password.expose().to_owned()).await?;
    // An organization that was the only one, and was deleted, may have left its owner behind.
    if !app.add_person(&login, hash.clone()).await? {
        app.db.set_password(&login, hash).await?;
    }
    app.add_member(organization, &login, Role::Owner, by).await?;
    let link = app.link(&login).await?;
    Ok(FirstOwner { login, password, link })
}

/// Why the first key or the first owner was not made.
#[derive(Debug, thiserror::Error)]
pub enum FirstRunError {
    /// There is no organization to make it for.
    #[error("the first organization could not be made: {0}")]
    Organization(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The organization is there and the key is not.
    #[error(
        "the first key could not be made: make one with `takumo-cloud keys create --organization demo`"
    )]
    Key(#[from] CreateError),
    /// The organization and its key are there, and the owner is not.
    #[error(
        "the first owner could not be made ({0}): make one with `takumo-cloud members add --organization demo`"
    )]
    Owner(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<OrganizationError> for FirstRunError {
    fn from(error: OrganizationError) -> Self {
        Self::Organization(Box::new(error))
    }
}

impl From<MemberError> for FirstRunError {
    fn from(error: MemberError) -> Self {
        Self::Owner(Box::new(error))
    }
}
