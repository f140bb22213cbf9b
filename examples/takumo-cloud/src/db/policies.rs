use keyfob::{Page, PageSize, Timestamp};
use serde_json::{Map, Value};

use super::{Database, DatabaseError, Row, Statement, Tenant, json, values};

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

const READ: &str = "SELECT name, version, document, updated_at, updated_by FROM takumo_policies \
     WHERE organization = ?1 AND environment = ?2 AND name = ?3";

impl Database {
    pub(crate) async fn policy(
        &self,
        tenant: Tenant,
        name: String,
    ) -> Result<Option<Policy>, DatabaseError> {
        let key = values![&tenant.organization, tenant.environment, name];
        self.run(READ, key).await?.one(read)
    }

    /// Policies, by name.
    pub(crate) async fn policies(
        &self,
        tenant: Tenant,
        size: PageSize,
        after: Option<String>,
    ) -> Result<Page<Policy, String>, DatabaseError> {
        let sql = "SELECT name, version, document, updated_at, updated_by FROM takumo_policies \
             WHERE organization = ?1 AND environment = ?2 AND name > ?3 ORDER BY name LIMIT ?4";
        let values = values![
            &tenant.organization,
            tenant.environment,
            after.unwrap_or_default(),
            u32::from(size.get()) + 1,
        ];
        let policies = self.run(sql, values).await?.all(read)?;
        Ok(Page::of_read_ahead(policies, size, |policy| policy.name.clone()))
    }

    /// Stores a policy as the next version of its name.
    ///
    /// Documents are compared as they are stored, which is the same as by what they say: the keys
    /// of a stored object are in order.
    pub(crate) async fn save_policy(
        &self,
        tenant: Tenant,
        write: PolicyWrite,
    ) -> Result<Saved, DatabaseError> {
        let sql = "INSERT INTO takumo_policies \
             (organization, environment, name, version, document, updated_at, updated_by) \
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6) \
             ON CONFLICT (organization, environment, name) DO UPDATE SET \
             version = takumo_policies.version + 1, document = excluded.document, \
             updated_at = excluded.updated_at, updated_by = excluded.updated_by \
             WHERE takumo_policies.document <> excluded.document";
        let key = values![&tenant.organization, tenant.environment, &write.name];
        let written = values![json(&write.document), write.updated_at, write.updated_by];
        let save = Statement::new(sql, [key.clone(), written].concat());
        let [saved, policy] = self.run_all([save, Statement::new(READ, key)]).await?;
        let policy = policy.one(read)?.ok_or(DatabaseError::Corrupt("name"))?;
        Ok(match saved.written {
            0 => Saved::Unchanged(policy),
            _ if policy.version == 1 => Saved::Created(policy),
            _ => Saved::Changed(policy),
        })
    }
}

fn read(row: &Row) -> Result<Policy, DatabaseError> {
    Ok(Policy {
        name: row.get("name")?,
        version: row.get("version")?,
        document: row.json("document")?,
        updated_at: row.get("updated_at")?,
        updated_by: row.get("updated_by")?,
    })
}
