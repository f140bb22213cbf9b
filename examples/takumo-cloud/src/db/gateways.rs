use keyfob::{Page, PageSize, Timestamp};

use super::{Database, DatabaseError, Row, Tenant, values};

/// A gateway that an organization runs and has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub(crate) place: i64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) region: Option<String>,
    pub(crate) registered_at: Timestamp,
    pub(crate) registered_by: String,
}

/// A gateway to be registered.
#[derive(Clone, Debug)]
pub(crate) struct NewGateway {
    pub(crate) name: String,
    pub(crate) region: Option<String>,
    pub(crate) registered_at: Timestamp,
    pub(crate) registered_by: String,
}

impl Database {
    /// Registers a gateway, or answers `None` when one of this name is registered already.
    pub(crate) async fn add_gateway(
        &self,
        tenant: Tenant,
        gateway: NewGateway,
    ) -> Result<Option<Gateway>, DatabaseError> {
        let sql = "INSERT INTO takumo_gateways \
             (id, organization, environment, name, region, registered_at, registered_by) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (organization, environment, name) DO NOTHING \
             RETURNING place, id, name, region, registered_at, registered_by";
        let values = values![
            uuid::Uuid::now_v7().to_string(),
            &tenant.organization,
            tenant.environment,
            gateway.name,
            gateway.region,
            gateway.registered_at,
            gateway.registered_by,
        ];
        self.run(sql, values).await?.one(read)
    }

    /// Registered gateways, newest first.
    pub(crate) async fn gateways(
        &self,
        tenant: Tenant,
        size: PageSize,
        after: Option<i64>,
    ) -> Result<Page<Gateway, i64>, DatabaseError> {
        let sql = "SELECT place, id, name, region, registered_at, registered_by \
             FROM takumo_gateways WHERE organization = ?1 AND environment = ?2 AND place < ?3 \
             ORDER BY place DESC LIMIT ?4";
        let values = values![
            &tenant.organization,
            tenant.environment,
            after.unwrap_or(i64::MAX),
            u32::from(size.get()) + 1,
        ];
        let gateways = self.run(sql, values).await?.all(read)?;
        Ok(Page::of_read_ahead(gateways, size, |gateway| gateway.place))
    }
}

fn read(row: &Row) -> Result<Gateway, DatabaseError> {
    Ok(Gateway {
        place: row.get("place")?,
        id: row.get("id")?,
        name: row.get("name")?,
        region: row.get("region")?,
        registered_at: row.get("registered_at")?,
        registered_by: row.get("registered_by")?,
    })
}
