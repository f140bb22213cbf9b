//! The first start on an empty database: one organization and one key, so that there is nothing
//! to set up.

use keyfob::{
    Actor, Author, CreateError, CreateKey, CreatedKey, Environment, KeyName, OrganizationId,
    ScopeSet,
};

use crate::app::{App, OrganizationError};

/// Makes the organization `demo` and a key that may do everything, unless there is an organization
/// already. Its plaintext is the caller's to show, once.
pub(crate) async fn first_key(app: &App) -> Result<Option<CreatedKey>, FirstRunError> {
    let id = OrganizationId::new("demo").expect("`demo` is visible ASCII");
    let name = |name| KeyName::new(name).expect("a short word is a name");
    let by = Author::from(Actor::new("first-run").expect("a short word is an actor"));

    let demo = app.create_first_organization(id, name("Demo"), by.clone()).await?;
    let Some(demo) = demo else { return Ok(None) };
    let request = CreateKey::new(demo.id, name("first-key"), Environment::Live, ScopeSet::all());
    Ok(Some(app.keys.create(request, demo.plan.key_limit(), by).await?))
}

/// Why the first key was not made.
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
}

impl From<OrganizationError> for FirstRunError {
    fn from(error: OrganizationError) -> Self {
        Self::Organization(Box::new(error))
    }
}
