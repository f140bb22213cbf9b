//! What every request and every command works on.

use std::time::Duration;

use keyfob::{
    Action, Author, Details, DynStore, Environment, KeyName, KeyService, NewEvent, OrganizationId,
    StoreError,
};
use serde_json::json;

use crate::changes::Changes;
use crate::config::DatabaseConfig;
use crate::db::{Database, DatabaseError, Organization, OrganizationChange};
use crate::store::{IfMissing, OpenError, Store};
use crate::takumo::{FORMAT, Plan, Scope};

/// The keys of Takumo, in whatever store was chosen.
pub(crate) type Keys = KeyService<Scope, DynStore>;

/// keyfob's service and takumo's own tables. A cheap clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) keys: Keys,
    pub(crate) db: Database,
    pub(crate) changes: Changes,
    store: Store,
}

/// The time that changes under way have to end when the application closes.
const GRACE: Duration = Duration::from_secs(10);

/// What the process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To verify keys: of both environments, or of one only. It is one of the fleet's nodes.
    Serve { only: Option<Environment> },
    /// To run one command, which verifies nothing.
    Operate,
}

impl App {
    /// Opens the database.
    pub(crate) async fn open(
        database: &DatabaseConfig,
        if_missing: IfMissing,
        purpose: Purpose,
    ) -> Result<Self, OpenError> {
        let (store, db) = Store::open(database, if_missing).await?;
        let keys = KeyService::builder(FORMAT, store.keys());
        let keys = match purpose {
            Purpose::Serve { only: Some(environment) } => keys.with_environment(environment),
            Purpose::Serve { only: None } => keys,
            Purpose::Operate => keys.without_registration(),
        };
        Ok(Self { keys: keys.build(), db, changes: Changes::new(), store })
    }

    /// Finishes what was begun and closes the database. Nothing can be asked any more.
    pub(crate) async fn close(self) {
        let Self { keys, db, changes, store } = self;
        if tokio::time::timeout(GRACE, changes.ended()).await.is_err() {
            tracing::warn!("some changes did not end in time");
        }
        shut_down(&keys).await;
        // The service first: it follows a feed that ends with the store.
        drop(keys);
        store.close().await;
        db.close().await;
    }

    /// Makes an organization and logs it.
    pub(crate) async fn create_organization(
        &self,
        id: OrganizationId,
        name: KeyName,
        plan: Plan,
        by: Author,
    ) -> Result<Organization, OrganizationError> {
        let organization = Organization { id, name, plan, created_at: self.keys.now() };
        if !self.db.add_organization(organization.clone()).await? {
            return Err(OrganizationError::Exists);
        }
        self.log_created(&organization, by).await?;
        Ok(organization)
    }

    /// Makes the first organization of an empty database; `None` if it is not empty.
    pub(crate) async fn create_first_organization(
        &self,
        id: OrganizationId,
        name: KeyName,
        by: Author,
    ) -> Result<Option<Organization>, OrganizationError> {
        let organization = Organization { id, name, plan: Plan::Free, created_at: self.keys.now() };
        if !self.db.add_first_organization(organization.clone()).await? {
            return Ok(None);
        }
        self.log_created(&organization, by).await?;
        Ok(Some(organization))
    }

    /// Reads an organization.
    pub(crate) async fn organization(
        &self,
        id: &OrganizationId,
    ) -> Result<Organization, OrganizationError> {
        self.db.organization(id).await?.ok_or(OrganizationError::NotFound)
    }

    /// Changes an organization and logs what changed.
    pub(crate) async fn edit_organization(
        &self,
        id: &OrganizationId,
        change: OrganizationChange,
        by: Author,
    ) -> Result<Organization, OrganizationError> {
        let changed = self.db.change_organization(id, change).await?;
        let (before, after) = changed.ok_or(OrganizationError::NotFound)?;
        let mut details = Details::new();
        if before.name != after.name {
            let change = json!({ "from": before.name.as_str(), "to": after.name.as_str() });
            details.insert("name".into(), change);
        }
        if before.plan != after.plan {
            let change = json!({ "from": before.plan.as_str(), "to": after.plan.as_str() });
            details.insert("plan".into(), change);
        }
        if !details.is_empty() {
            self.log(id, "organization.edited", details, by).await?;
        }
        Ok(after)
    }

    /// Deletes an organization: first its keys, all at once, and then what takumo keeps of it. A
    /// process that dies in between leaves an organization without keys, to be deleted again.
    pub(crate) async fn delete_organization(
        &self,
        id: &OrganizationId,
        by: Author,
    ) -> Result<(), OrganizationError> {
        self.organization(id).await?;
        self.keys.delete_organization(id, by.clone()).await?;
        self.db.remove_organization(id).await?;
        // A request that read the organization before it went may have made a key meanwhile.
        if self.keys.keys_in_use(id).await? > 0 {
            self.keys.delete_organization(id, by).await?;
        }
        Ok(())
    }

    /// Appends an event of takumo's own to the organization's log.
    pub(crate) async fn log(
        &self,
        organization: &OrganizationId,
        action: &'static str,
        details: Details,
        by: Author,
    ) -> Result<(), StoreError> {
        let action = Action::custom(action)
            .expect("takumo's actions are two words, and none of them is keyfob's");
        let event = NewEvent { organization: organization.clone(), action, details };
        self.keys.append_event(event, by).await.map(drop)
    }

    async fn log_created(&self, organization: &Organization, by: Author) -> Result<(), StoreError> {
        let details = Details::from_iter([
            ("name".into(), organization.name.as_str().into()),
            ("plan".into(), organization.plan.as_str().into()),
        ]);
        self.log(&organization.id, "organization.created", details, by).await
    }
}

/// The last of it: usage that is still in memory is lost with the process.
async fn shut_down(keys: &Keys) {
    const ATTEMPTS: u32 = 3;
    for attempt in 1..=ATTEMPTS {
        match keys.shutdown().await {
            Ok(()) => return,
            Err(error) if attempt < ATTEMPTS => {
                tracing::warn!(%error, "the service did not end well: once more");
            }
            Err(error) => tracing::error!(%error, "the usage of the last second or so may be lost"),
        }
    }
}

/// Why something about an organization was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrganizationError {
    #[error("there is no such organization")]
    NotFound,
    #[error("there is an organization of this id already")]
    Exists,
    #[error(transparent)]
    Tables(#[from] DatabaseError),
    #[error(transparent)]
    Log(#[from] StoreError),
}
