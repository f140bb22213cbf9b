use keyfob::{KeyName, OrganizationId, Timestamp};

use super::{Database, DatabaseError, Row, Statement, Value, values};
use crate::takumo::Plan;

/// Who owns keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization {
    pub(crate) id: OrganizationId,
    /// What people call it: the same rule as for the name of a key.
    pub(crate) name: KeyName,
    pub(crate) plan: Plan,
    pub(crate) created_at: Timestamp,
}

/// What to change about an organization; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrganizationChange {
    pub(crate) name: Option<KeyName>,
    pub(crate) plan: Option<Plan>,
}

impl Database {
    pub(crate) async fn organization(
        &self,
        id: &OrganizationId,
    ) -> Result<Option<Organization>, DatabaseError> {
        let sql = "SELECT id, name, plan, created_at FROM takumo_organizations WHERE id = ?1";
        self.run(sql, values![id]).await?.one(read)
    }

    /// Every organization, in the order of creation: for the operator, who owns them all.
    pub(crate) async fn organizations(&self) -> Result<Vec<Organization>, DatabaseError> {
        let sql =
            "SELECT id, name, plan, created_at FROM takumo_organizations ORDER BY created_at, id";
        self.run(sql, values![]).await?.all(read)
    }

    /// Adds an organization, unless there is one of this id: then it answers false.
    pub(crate) async fn add_organization(
        &self,
        organization: Organization,
    ) -> Result<bool, DatabaseError> {
        let sql = "INSERT INTO takumo_organizations (id, name, plan, created_at) \
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING";
        Ok(self.run(sql, of(&organization)).await?.written == 1)
    }

    /// Adds the first organization, unless there is any: of many processes that start on an empty
    /// database, one is told true.
    pub(crate) async fn add_first_organization(
        &self,
        organization: Organization,
    ) -> Result<bool, DatabaseError> {
        // Processes that see no organization at the same time come to the conflict with this one.
        let sql = "INSERT INTO takumo_organizations (id, name, plan, created_at) \
             SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM takumo_organizations) \
             ON CONFLICT (id) DO NOTHING";
        Ok(self.run(sql, of(&organization)).await?.written == 1)
    }

    /// Changes an organization and answers with it before and after, or `None` if there is none.
    pub(crate) async fn change_organization(
        &self,
        id: &OrganizationId,
        change: OrganizationChange,
    ) -> Result<Option<(Organization, Organization)>, DatabaseError> {
        // A write that changes nothing, so that nobody else changes it in between.
        let before = "UPDATE takumo_organizations SET name = name WHERE id = ?1 \
             RETURNING id, name, plan, created_at";
        let after = "UPDATE takumo_organizations \
             SET name = coalesce(?2, name), plan = coalesce(?3, plan) WHERE id = ?1 \
             RETURNING id, name, plan, created_at";
        let [before, after] = self
            .run_all([
                Statement::new(before, values![id]),
                Statement::new(after, values![id, change.name.as_ref(), change.plan]),
            ])
            .await?;
        Ok(before.one(read)?.zip(after.one(read)?))
    }

    /// Removes an organization with everything of it, if there is one of this id.
    pub(crate) async fn remove_organization(
        &self,
        id: &OrganizationId,
    ) -> Result<(), DatabaseError> {
        let deletions = [
            "DELETE FROM takumo_members WHERE organization = ?1",
            "DELETE FROM takumo_scans WHERE organization = ?1",
            "DELETE FROM takumo_gateways WHERE organization = ?1",
            "DELETE FROM takumo_policies WHERE organization = ?1",
            "DELETE FROM takumo_organizations WHERE id = ?1",
        ];
        self.run_all(deletions.map(|sql| Statement::new(sql, values![id]))).await?;
        Ok(())
    }
}

fn of(organization: &Organization) -> Vec<Value> {
    let Organization { id, name, plan, created_at } = organization;
    values![id, name, *plan, *created_at]
}

pub(super) fn read(row: &Row) -> Result<Organization, DatabaseError> {
    Ok(Organization {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        plan: row.parsed("plan")?,
        created_at: row.get("created_at")?,
    })
}
