use keyfob::{KeyName, OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

use super::{Database, DatabaseError};
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
        let id = id.clone();
        self.run(move |connection| read(connection, &id)).await
    }

    /// Every organization, in the order of creation: for the operator, who owns them all.
    pub(crate) async fn organizations(&self) -> Result<Vec<Organization>, DatabaseError> {
        self.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT id, name, plan, created_at FROM takumo_organizations ORDER BY created_at, id",
            )?;
            let rows = statement.query_map([], |row| Ok(organization(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    /// Adds an organization, unless there is one of this id: then it answers false.
    pub(crate) async fn add_organization(
        &self,
        organization: Organization,
    ) -> Result<bool, DatabaseError> {
        self.insert(organization, "true").await
    }

    /// Adds the first organization, unless there is any: of many processes that start on an empty
    /// database, one is told true.
    pub(crate) async fn add_first_organization(
        &self,
        organization: Organization,
    ) -> Result<bool, DatabaseError> {
        self.insert(organization, "NOT EXISTS (SELECT 1 FROM takumo_organizations)").await
    }

    /// Changes an organization and answers with it before and after, or `None` if there is none.
    pub(crate) async fn change_organization(
        &self,
        id: &OrganizationId,
        change: OrganizationChange,
    ) -> Result<Option<(Organization, Organization)>, DatabaseError> {
        let id = id.clone();
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some(before) = read(&transaction, &id)? else { return Ok(None) };
            let after = Organization {
                name: change.name.unwrap_or_else(|| before.name.clone()),
                plan: change.plan.unwrap_or(before.plan),
                ..before.clone()
            };
            transaction.execute(
                "UPDATE takumo_organizations SET name = ?2, plan = ?3 WHERE id = ?1",
                (id.as_str(), after.name.as_str(), after.plan.as_str()),
            )?;
            transaction.commit()?;
            Ok(Some((before, after)))
        })
        .await
    }

    /// Removes an organization with everything of it, if there is one of this id.
    pub(crate) async fn remove_organization(
        &self,
        id: &OrganizationId,
    ) -> Result<(), DatabaseError> {
        let id = id.clone();
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for rows in [
                "takumo_members WHERE organization",
                "takumo_scans WHERE organization",
                "takumo_gateways WHERE organization",
                "takumo_policies WHERE organization",
                "takumo_organizations WHERE id",
            ] {
                transaction.execute(&format!("DELETE FROM {rows} = ?1"), [id.as_str()])?;
            }
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    async fn insert(
        &self,
        organization: Organization,
        condition: &'static str,
    ) -> Result<bool, DatabaseError> {
        self.run(move |connection| {
            let sql = format!(
                "INSERT INTO takumo_organizations (id, name, plan, created_at) \
                 SELECT ?1, ?2, ?3, ?4 WHERE {condition} ON CONFLICT (id) DO NOTHING"
            );
            let Organization { id, name, plan, created_at } = organization;
            let added = connection.execute(
                &sql,
                (id.as_str(), name.as_str(), plan.as_str(), created_at.as_micros()),
            )?;
            Ok(added == 1)
        })
        .await
    }
}

fn read(
    connection: &Connection,
    id: &OrganizationId,
) -> Result<Option<Organization>, DatabaseError> {
    let sql = "SELECT id, name, plan, created_at FROM takumo_organizations WHERE id = ?1";
    let mut statement = connection.prepare(sql)?;
    statement.query_row([id.as_str()], |row| Ok(organization(row))).optional()?.transpose()
}

pub(super) fn organization(row: &Row<'_>) -> Result<Organization, DatabaseError> {
    let corrupt = |_| DatabaseError::Corrupt("an organization's id or name");
    Ok(Organization {
        id: row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?.parse().map_err(corrupt)?,
        name: row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?.parse().map_err(corrupt)?,
        plan: row
            .get_ref(2)?
            .as_str()
            .map_err(rusqlite::Error::from)?
            .parse()
            .map_err(|_| DatabaseError::Corrupt("an organization's plan"))?,
        created_at: Timestamp::from_micros(row.get(3)?),
    })
}
