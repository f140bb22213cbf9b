use keyfob::{Page, PageSize, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};
use serde_json::{Map, Value};

use super::{Database, DatabaseError, Tenant};

/// A policy as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    pub(crate) name: String,
    /// 1 for the first, and one more for each change.
    pub(crate) version: u32,
    pub(crate) document: Map<String, Value>,
    pub(crate) updated_at: Timestamp,
    pub(crate) updated_by: String,
}

/// A policy to be stored under its name.
#[derive(Clone, Debug)]
pub(crate) struct PolicyWrite {
    pub(crate) name: String,
    pub(crate) document: Map<String, Value>,
    pub(crate) updated_at: Timestamp,
    pub(crate) updated_by: String,
}

/// What storing a policy came to.
#[derive(Clone, Debug)]
pub(crate) enum Saved {
    /// There was none of this name.
    Created(Policy),
    /// It took the place of the version before.
    Changed(Policy),
    /// It was there already, word for word. Nothing was written.
    Unchanged(Policy),
}

impl Database {
    pub(crate) async fn policy(
        &self,
        tenant: Tenant,
        name: String,
    ) -> Result<Option<Policy>, DatabaseError> {
        self.run(move |connection| read(connection, &tenant, &name)).await
    }

    /// Policies, by name.
    pub(crate) async fn policies(
        &self,
        tenant: Tenant,
        size: PageSize,
        after: Option<String>,
    ) -> Result<Page<Policy, String>, DatabaseError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT name, version, document, updated_at, updated_by FROM takumo_policies \
                 WHERE organization = ?1 AND environment = ?2 AND name > ?3 \
                 ORDER BY name LIMIT ?4",
            )?;
            let rows = statement.query_map(
                (
                    tenant.organization.as_str(),
                    tenant.environment.as_str(),
                    after.unwrap_or_default(),
                    u32::from(size.get()) + 1,
                ),
                |row| Ok(policy(row)),
            )?;
            let policies = rows.map(|row| row?).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::of_read_ahead(policies, size, |policy| policy.name.clone()))
        })
        .await
    }

    /// Stores a policy as the next version of its name.
    pub(crate) async fn save_policy(
        &self,
        tenant: Tenant,
        write: PolicyWrite,
    ) -> Result<Saved, DatabaseError> {
        self.run(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = read(&transaction, &tenant, &write.name)?;
            let version = match before {
                Some(before) if before.document == write.document => {
                    return Ok(Saved::Unchanged(before));
                }
                Some(before) => before.version.saturating_add(1),
                None => 1,
            };
            let PolicyWrite { name, document, updated_at, updated_by } = write;
            let policy = Policy { name, version, document, updated_at, updated_by };
            upsert(&transaction, &tenant, &policy)?;
            transaction.commit()?;
            Ok(if version == 1 { Saved::Created(policy) } else { Saved::Changed(policy) })
        })
        .await
    }
}

fn upsert(connection: &Connection, tenant: &Tenant, policy: &Policy) -> Result<(), DatabaseError> {
    let document = serde_json::to_string(&policy.document)
        .map_err(|_| DatabaseError::Corrupt("a policy that is no JSON"))?;
    connection.execute(
        "INSERT INTO takumo_policies \
         (organization, environment, name, version, document, updated_at, updated_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (organization, environment, name) DO UPDATE SET \
         version = excluded.version, document = excluded.document, \
         updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        (
            tenant.organization.as_str(),
            tenant.environment.as_str(),
            &policy.name,
            policy.version,
            document,
            policy.updated_at.as_micros(),
            &policy.updated_by,
        ),
    )?;
    Ok(())
}

fn read(
    connection: &Connection,
    tenant: &Tenant,
    name: &str,
) -> Result<Option<Policy>, DatabaseError> {
    let mut statement = connection.prepare(
        "SELECT name, version, document, updated_at, updated_by FROM takumo_policies \
         WHERE organization = ?1 AND environment = ?2 AND name = ?3",
    )?;
    let key = (tenant.organization.as_str(), tenant.environment.as_str(), name);
    statement.query_row(key, |row| Ok(policy(row))).optional()?.transpose()
}

fn policy(row: &Row<'_>) -> Result<Policy, DatabaseError> {
    let document: String = row.get(2)?;
    Ok(Policy {
        name: row.get(0)?,
        version: row.get(1)?,
        document: serde_json::from_str(&document)
            .map_err(|_| DatabaseError::Corrupt("a policy's document"))?,
        updated_at: Timestamp::from_micros(row.get(3)?),
        updated_by: row.get(4)?,
    })
}
